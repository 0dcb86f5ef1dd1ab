// Command faq is the first service cut out of the helpdesk: it answers the
// FAQ's JSON contract, both versions, exactly as the monolith does.
//
//	go run ./examples/helpdesk/faq -db run/helpdesk.sqlite3 -listen 127.0.0.1:8101
//
// With -first-build it asks one reader in thirty whether an answer helped, as the
// demo's monolith does, and is the build that a team first has: with two mistakes
// that a comparison with the monolith shows.
// To mend them: curl -X POST 127.0.0.1:8101/_demo/mend
//
// It works on the monolith's own table for now, as the first step of a cut
// often does: the answers are the same by construction, and going back to the
// monolith loses nothing. The table moves out when only the service writes it.
package main

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"net/http"

	"github.com/strangler-proxy/strangler/examples/helpdesk/faq/questions"
	"github.com/strangler-proxy/strangler/examples/helpdesk/service"
)

func main() {
	first := flag.Bool("first-build", false, "have two mistakes, to be compared with the monolith")
	service.Main("faq", "127.0.0.1:8101", func(ctx context.Context, db string, logger *slog.Logger) (http.Handler, io.Closer, error) {
		store, err := questions.Open(ctx, db)
		if err != nil {
			return nil, nil, err
		}
		o := questions.Options{ServedBy: "faq-service", Logger: logger}
		if !*first {
			return questions.NewHandler(store, o), store, nil
		}
		o.Survey = questions.OneInThirty
		return newFirstBuild(questions.NewHandler(store, o), logger), store, nil
	})
}
