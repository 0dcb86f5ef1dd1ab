package shadow_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/strangler-proxy/strangler/shadow"
)

// Envoy: the host gets a suffix. And all else that a shadow hears.
func TestWhatAShadowHears(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 2)
	b := newBed(t, says(`1`), func(w http.ResponseWriter, r *http.Request) {
		got <- r.Clone(context.Background())
		says(`1`)(w, r)
	}, func(_ *shadow.Options, s *shadow.Settings, _ *bed) {
		s.Secrets = []string{"sessionid", "csrftoken", "__Host-desk"}
		s.SecretHeaders = []string{"x-legacy-token"}
		s.Rewrite = func(path, raw string) (string, string) { return "/api" + path, "/api" + raw }
		s.Token = func(_ context.Context, principal any) (http.Header, error) {
			return http.Header{"Authorization": {"Bearer shadow-of-" + principal.(string)}}, nil
		}
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL+"/v1/a%2Fb%7Cc?x=1&y=%20", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "www.example.com"
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, value := range map[string]string{
		"Authorization": "Basic secret", "X-Legacy-Token": "secret", "X-Csrftoken": "secret", "Traceparent": parent,
		"Cookie":     `lang=de; sessionid=secret; "csrftoken"=secret; __Host-sessionid=secret; __Host-desk=secret; theme=dark`,
		"Connection": "keep-alive, X-Hop", "X-Hop": "secret", "Te": "trailers", "X-User": "ada", "Accept-Encoding": "br",
	} {
		r.Header.Set(name, value)
	}
	response, err := b.Client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	h := <-got
	rec := b.records.one(t)
	if strings.Contains(fmt.Sprint(h.Header, rec.Request.Header), "secret") {
		t.Errorf("a secret was sent or recorded: %v, %v", h.Header, rec.Request.Header)
	}
	if h.Host != "www.example.com" || h.RequestURI != "/api/v1/a%2Fb%7Cc?x=1&y=%20" {
		t.Errorf("%s %s", h.Host, h.RequestURI)
	}
	child := h.Header.Get("Traceparent")
	if len(child) != len(parent) || child[:36] != parent[:36] || child[36:52] == parent[36:52] || child[52:] != parent[52:] {
		t.Errorf("traceparent %s", child)
	}
	if h.Header.Get("Cookie") != "lang=de; theme=dark" || h.Header.Get("Authorization") != "Bearer shadow-of-ada" ||
		h.Header.Get(shadow.MarkHeader) != rec.ID || rec.ID == "" || h.Header.Get("Accept-Encoding") != "br" {
		t.Errorf("%v", h.Header)
	}
	if rec.Request.Target != "/v1/a%2Fb%7Cc?x=1&y=%20" || rec.Request.Header.Get("Authorization") != "" {
		t.Errorf("%+v", rec.Request)
	}
}

func TestNoTokenNoRequest(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	b := newBed(t, says(`1`), func(http.ResponseWriter, *http.Request) { asked.Add(1) },
		func(_ *shadow.Options, s *shadow.Settings, _ *bed) {
			s.Token = func(context.Context, any) (http.Header, error) { return nil, errors.New("no principal") }
		})
	b.get(t, "/")
	if rec := b.records.one(t); rec.Bucket != shadow.SkippedNoIdentity || asked.Load() != 0 {
		t.Errorf("%s %s, asked %d times", rec.Bucket, rec.Why, asked.Load())
	}
}
