package cli

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// ending closes the first connection unanswered, as an admin endpoint does that
// a reload replaces.
type ending struct {
	net.Listener
	accepted atomic.Int32
}

func (e *ending) Accept() (net.Conn, error) {
	conn, err := e.Listener.Accept()
	if err == nil && e.accepted.Add(1) == 1 {
		err = conn.Close()
		return conn, err
	}
	return conn, err
}

// Only a question is asked again: a verb may have been heard.
func TestQuestionsAreAskedAgain(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]bool{http.MethodGet: true, http.MethodPost: false} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			endpoint := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{}`))
			}))
			endpoint.Listener = &ending{Listener: endpoint.Listener}
			endpoint.Start()
			t.Cleanup(endpoint.Close)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			s := &server{address: endpoint.Listener.Addr().String(), http: endpoint.Client()}
			if err := s.ask(ctx, method, "/", nil, new(struct{})); (err == nil) != want {
				t.Errorf("got %v, want an answer: %t", err, want)
			}
		})
	}
}
