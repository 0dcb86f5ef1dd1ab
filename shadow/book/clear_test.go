package book_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/book"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/report"
)

func TestNothingOfARequestOrAnAnswerIsKeptInClear(t *testing.T) {
	t.Parallel()
	b, c := open(t, book.Options{})
	b.Configure([]book.Route{{
		Name: "faq-read", Pattern: "GET /v1/faq/{id}", Clear: []string{"$.price", "request.query.lang"},
	}})
	r := comparison(t, c,
		`{"name":"Anna Private","price":10,"by":{"anna@example.com":"x","8f14e45fceea167a5a36dedd4bea2543":{"iban":"DE02private"}},"list":["private"]}`,
		`{"name":"Berta Private","price":12,"by":{"anna@example.com":"y","8f14e45fceea167a5a36dedd4bea2543":{"iban":"DE03private"}},"list":["secret"]}`,
		func(r *shadow.Record) {
			r.Request.Body = []byte("card=private")
			r.Request.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
			r.RequestID = "r-1\x1b[31m"
		})
	b.Record(r)
	out := look(t, b, "faq-read")
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(out); err != nil {
		t.Fatal(err)
	}
	text := buffer.String()
	for _, secret := range []string{"rivate", "topsecret", "8841", "anna", "Berta", "8f14e", "DE0", `"secret`, "\x1b", "u001b", "card"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in clear: %s", secret, text)
		}
	}
	for _, allowed := range []string{"/v1/faq/{id~", "lang=de", `"Accept"`, `"monolith":"10","service":"12","clear":true`, `<string>`} {
		if !strings.Contains(text, allowed) {
			t.Errorf("%q is missing: %s", allowed, text)
		}
	}
	sample := out.Signatures[0].Sample
	want := `curl --globoff -sS -i -X 'GET' -H 'Accept: application/json' -H 'Content-Type: application/x-www-form-urlencoded'` +
		` --data-binary @request-body "$SERVICE"'/v1/faq/{id}?q={q}&lang=de'`
	if sample == nil || sample.Curl != want {
		t.Fatalf("%+v", sample)
	}
}

// TestHowAnAnswerIsReadIsInClear: its status and media type are, and which request
// headers it depends on; a parameter that may name somebody's file is not, and neither
// is what is no media type.
func TestHowAnAnswerIsReadIsInClear(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ header, monolith, service, path, want string }{
		{"Content-Type", "application/json", "text/html; charset=utf-8", "header.Content-Type.value", `"application/json" "text/html"`},
		{"Content-Type", "text/html; charset=utf-8", "text/html; charset=latin1", "header.Content-Type.charset", `"utf-8" "latin1"`},
		{"Content-Type", `text/html; name="anna-private.pdf"`, `text/html; name="x"`, "header.Content-Type.name", ""},
		{"Content-Type", "text/html", "text/html; name=anna private.pdf", "header.Content-Type.value", ""},
		{"Cache-Control", "max-age=60", "max-age=600", "header.Cache-Control.max-age", `"60" "600"`},
		{"Vary", "Cookie", "Accept", "header.Vary.cookie", `"" none`},
		{"Content-Disposition", `inline; filename="anna-private.pdf"`, "inline; filename=x", "header.Content-Disposition.filename", ""},
	} {
		b, clock := open(t, book.Options{})
		b.Record(comparison(t, clock, `{}`, `{}`, func(r *shadow.Record) {
			compare, err := diff.New(diff.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r.Monolith.Answer.Header = http.Header{c.header: {c.monolith}}
			r.Service.Answer.Header = http.Header{c.header: {c.service}}
			r.Result = compare.Compare(r.Monolith.Answer, r.Service.Answer, clock.now())
			r.Bucket = shadow.Different
		}))
		found := false
		for _, s := range look(t, b, "faq-read").Signatures {
			for _, p := range s.Sample.Parts {
				if text := p.Monolith + " " + p.Service; p.Path == c.path && p.Own {
					found = true
					if p.Clear != (c.want != "") || p.Clear && text != c.want || strings.Contains(text, "rivate") {
						t.Errorf("%s: clear %v, %s, want %s", c.path, p.Clear, text, c.want)
					}
				}
			}
		}
		if !found {
			t.Errorf("no difference at %s", c.path)
		}
	}
}

// TestNamesThatAreDataAreNotKept: maps by who or what they are of, and parameters
// whose names are data, whether their values differ, are missing or are one-sided.
func TestNamesThatAreDataAreNotKept(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"alice@example.com", "Alice Smith", "+49 30 901820", "10.20.30.40", "2001:db8::17", "2019-11-23", "DE89370400440532013000", "4111-1111-1111-1111",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
		"v1kq3v9x2m1p8z7w4tq0", "0af7651916cd43dd8448eb211c80319c", "https://example.com/u/alice",
	} {
		b, c := open(t, book.Options{})
		quoted := strconv.Quote(name)
		b.Record(comparison(t, c, `{"of":{`+quoted+`:1},"old":{`+quoted+`:{"a":1}}}`, `{"of":{`+quoted+`:2},"new":{`+quoted+`:{"a":1}}}`, func(r *shadow.Record) {
			r.Request.Target = "/v1/faq/1?" + url.QueryEscape(name) + "=1"
		}))
		text, err := json.Marshal(look(t, b, "faq-read"))
		if err != nil {
			t.Fatal(err)
		}
		for _, spelled := range []string{name, name[1 : len(name)-1], url.QueryEscape(name)} {
			if strings.Contains(string(text), spelled) {
				t.Errorf("%q is in clear: %s", spelled, text)
			}
		}
	}
}

func TestHashesAreEqualForEqualValuesUnderOneKey(t *testing.T) {
	t.Parallel()
	sample := func(secret string) report.Part {
		b, c := open(t, book.Options{Key: []byte(secret)})
		b.Record(comparison(t, c, `{"a":"x"}`, `{"a":"y"}`, nil))
		return look(t, b, "faq-read").Signatures[0].Sample.Parts[0]
	}
	one, same, others := sample(string(key())), sample(string(key())), sample(strings.Repeat("o", 32))
	if one != same || one.Monolith == others.Monolith || one.Monolith == one.Service {
		t.Error(one, same, others)
	}
	if _, err := book.Open(t.Context(), book.Options{Now: time.Now, Key: []byte("short")}); err == nil {
		t.Error("a short key was taken")
	}
}
