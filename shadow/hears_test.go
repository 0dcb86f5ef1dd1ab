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
		s.KeepCookies, s.KeepHeaders = []string{"lang", "theme"}, []string{"x-shop-key"}
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
		"Authorization": "Basic secret", "X-Legacy-Token": "secret", "X-Csrftoken": "secret", "X-Api-Key": "secret", "X-Shop-Key": "7", "Traceparent": parent,
		"Cookie":     `lang=de; sessionid=secret; "csrftoken"=secret; __Host-lang=secret; sid=secret; "lang"=secret; Lang=secret; secret; theme=dark`,
		"Connection": "keep-alive, X-Hop", "X-Hop": "secret", "Te": "trailers", "X-User": "ada", "Accept-Encoding": "br",
		"Referer": "https://ann:secret@www.example.com:8443/reset/secret/?token=secret#secret", "Hx-Current-Url": "secret",
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
		h.Header.Get(shadow.MarkHeader) != rec.ID || rec.ID == "" || h.Header.Get("Accept-Encoding") != "br" || h.Header.Get("X-Shop-Key") != "7" ||
		h.Header.Get("Referer") != "https://www.example.com:8443/" {
		t.Errorf("%v", h.Header)
	}
	if rec.Request.Target != "/v1/a%2Fb%7Cc?x=1&y=%20" || rec.Request.Header.Get("Authorization") != "" {
		t.Errorf("%+v", rec.Request)
	}
}

// A route may keep the page that a request came from, and a monolith hears it.
func TestThePageBeforeIsKeptWhereARouteSaysSo(t *testing.T) {
	t.Parallel()
	const page = "https://www.example.com/basket?step=2"
	for _, kept := range []bool{false, true} {
		got := make(chan string, 2)
		b := newBed(t, says(`1`), func(w http.ResponseWriter, r *http.Request) {
			got <- r.Header.Get("Referer")
			says(`1`)(w, r)
		}, func(_ *shadow.Options, s *shadow.Settings, _ *bed) {
			if kept {
				s.KeepHeaders = []string{"referer"}
			}
		})
		b.get(t, "/", "Referer", page)
		if referer := <-got; (referer == page) != kept || referer == "" {
			t.Errorf("kept %t: %q", kept, referer)
		}
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

// TestWhatLooksLikeACredential: by the names that servers, gateways and
// frameworks give to what lets somebody in, and by those of what a service needs.
func TestWhatLooksLikeACredential(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"Authorization": true, "Proxy-Authorization": true, "X-Authorization": true, "X-Auth": true, "X-Auth-Token": true, "X-Api-Key": true,
		"Apikey": true, "X_API_KEY": true, "X-Api.Key": true, "Ocp-Apim-Subscription-Key": true, "X-Csrftoken": true, "X-Csrf-Token": true, "X-Xsrf-Token": true,
		"X-Amz-Security-Token": true, "X-Amzn-Oidc-Data": false, "X-Amzn-Oidc-Accesstoken": true, "Cf-Access-Jwt-Assertion": true,
		"X-Forwarded-Access-Token": true, "X-Goog-Iap-Jwt-Assertion": true, "X-Session-Id": true, "X-Sid": true, "X-Password": true,
		"X-Hub-Signature-256": true, "X-Otp": true, "X-Client-Secret": true, "Cookie2": true,

		"Accept": false, "Accept-Language": false, "Content-Type": false, "Cookie": false, "Idempotency-Key": false, "If-None-Match": false,
		"X-Author": false, "X-Tenant": false, "X-Requested-With": false, "Hx-Request": false, "X-Forwarded-For": false, "Traceparent": false,
		"X-Request-Id": false, "User-Agent": false, "Origin": false, "Referer": false, "Sec-Fetch-Site": false, "X-Side": false, "X-Keyboard": false,
	} {
		if got := shadow.Credential(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
