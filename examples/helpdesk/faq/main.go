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
	"io"
	"log/slog"
	"net/http"

	"github.com/strangler-proxy/strangler/examples/helpdesk/faq/questions"
	"github.com/strangler-proxy/strangler/examples/helpdesk/service"
)

func main() {
	service.Main("faq", "127.0.0.1:8101", func(ctx context.Context, db string, logger *slog.Logger) (http.Handler, io.Closer, error) {
		store, err := questions.Open(ctx, db)
		if err != nil {
			return nil, nil, err
		}
		return questions.NewHandler(store, "faq-service", logger), store, nil
	})
}
