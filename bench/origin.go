package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// armHeader says which of the two targets answered.
const armHeader = "Bench-Arm"

// originAddresses is what the origin process prints once it serves.
type originAddresses struct {
	Monolith string `json:"monolith"`
	Service  string `json:"service"`
	// Hung takes connections and never answers.
	Hung string `json:"hung"`
}

// serveOrigin is the subcommand origin: monolith and service on two addresses
// of 127.0.0.1, printed as one line of JSON, until stdin ends.
func serveOrigin(stdin io.Reader, stdout io.Writer) error {
	monolith, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	service, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	hung, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes what nobody accepts
	if err != nil {
		return err
	}
	defer hung.Close()
	failed := make(chan error, 2)
	var servers []*http.Server
	for arm, listener := range map[string]net.Listener{"monolith": monolith, "service": service} {
		server := &http.Server{Handler: originHandler(arm), ReadHeaderTimeout: time.Minute}
		servers = append(servers, server)
		go func() { failed <- server.Serve(listener) }()
	}
	addresses := originAddresses{Monolith: monolith.Addr().String(), Service: service.Addr().String(), Hung: hung.Addr().String()}
	if err := json.NewEncoder(stdout).Encode(addresses); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, stdin)
		ended <- err
	}()
	select {
	case err = <-failed:
	case err = <-ended:
	}
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(context.Background()))
	}
	return err
}

// originHandler answers by the path's last segment and counts what is sent to it.
func originHandler(arm string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := smallAnswer
		header := w.Header()
		header["Content-Type"] = []string{"application/json"}
		switch {
		case r.Method == http.MethodPut:
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			body = fmt.Appendf(nil, "{\"received\":%d}\n", n)
		case strings.HasSuffix(r.URL.Path, "/"+idLarge):
			header["Content-Type"] = []string{"text/plain; charset=utf-8"}
			body = largeAnswer
		}
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
		header[armHeader] = []string{arm}
		_, _ = w.Write(body)
	})
}
