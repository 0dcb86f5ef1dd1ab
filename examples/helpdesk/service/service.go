// Package service holds what the helpdesk's services have in common: their
// flags, how they start and end, and how they write JSON.
package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// Open opens what a service answers from in the monolith's database. The closer
// is closed after the last request.
type Open func(ctx context.Context, db string, logger *slog.Logger) (http.Handler, io.Closer, error)

// Main is a service's main function: it serves on -listen, which is address
// without the flag, until SIGINT or SIGTERM.
func Main(name, address string, open Open) {
	db := flag.String("db", "helpdesk.sqlite3", "the monolith's database `file`")
	listen := flag.String("listen", address, "`address` to listen on")
	flag.Parse()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("service", name)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, logger, *db, *listen, open); err != nil {
		logger.Error("the service stops", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then lets the requests under way finish.
func run(ctx context.Context, logger *slog.Logger, db, listen string, open Open) (err error) {
	handler, closer, err := open(ctx, db, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: logFlags(logger, handler), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	logger.Info("listening", "address", listener.Addr().String(), "db", db)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		return fmt.Errorf("shutting down: %w", err)
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// JSON answers with a value. The error says that it cannot be written as JSON,
// and nothing was sent; a client that left is none.
func JSON(w http.ResponseWriter, status int, value any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the client left
	return nil
}
