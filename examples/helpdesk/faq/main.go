// Command faq is the first service cut out of the helpdesk: it answers the
// FAQ's JSON contract, both versions, exactly as the monolith does.
//
//	go run ./examples/helpdesk/faq -db run/helpdesk.sqlite3 -listen 127.0.0.1:8101
//
// It works on the monolith's own table for now, as the first step of a cut
// often does: the answers are the same by construction, and going back to the
// monolith loses nothing. The table moves out when only the service writes it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/strangler-proxy/strangler/examples/helpdesk/faq/questions"
)

func main() {
	db := flag.String("db", "helpdesk.sqlite3", "the monolith's database `file`")
	listen := flag.String("listen", "127.0.0.1:8101", "`address` to listen on")
	flag.Parse()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, logger, *db, *listen); err != nil {
		logger.Error("the faq service stops", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, then lets the requests under way finish.
func run(ctx context.Context, logger *slog.Logger, db, listen string) error {
	store, err := questions.Open(ctx, db)
	if err != nil {
		return err
	}
	defer store.Close()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           questions.NewHandler(store, "faq-service", logger),
		ReadHeaderTimeout: 10 * time.Second,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	logger.Info("the faq service listens", "address", listener.Addr().String(), "db", db)
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
