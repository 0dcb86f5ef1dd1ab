// Command tickets is the second service cut out of the helpdesk: it answers the
// queue of tickets in JSON exactly as the monolith does. Its route moves by
// itself, step by step: see `rollout:` in routes.yaml.
//
//	go run ./examples/helpdesk/tickets -db run/helpdesk.sqlite3 -listen 127.0.0.1:8102
//
// It reads the monolith's own table, which the monolith alone writes.
//
// To see what a guard does, make it slow, and quick again:
//
//	curl -X POST '127.0.0.1:8102/_demo/slow?ms=800'
//	curl -X POST '127.0.0.1:8102/_demo/slow?ms=0'
package main

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net/http"

	"github.com/strangler-proxy/strangler/examples/helpdesk/service"
	"github.com/strangler-proxy/strangler/examples/helpdesk/tickets/queue"
)

func main() {
	issuer := flag.String("issuer", "http://127.0.0.1:8080", "`URL` of the site that says who is signed in")
	service.Main("tickets", "127.0.0.1:8102", func(ctx context.Context, db string, logger *slog.Logger) (http.Handler, io.Closer, error) {
		store, err := queue.Open(ctx, db)
		if err != nil {
			return nil, nil, err
		}
		mux := http.NewServeMux()
		mux.Handle("/", newSlowable(queue.NewHandler(store, "tickets-service", logger), logger))
		mux.Handle("GET /v1/me/{$}", &me{issuer: *issuer, logger: logger})
		return mux, store, nil
	})
}
