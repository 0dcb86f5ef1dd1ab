package diff

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeadersAreComparedByMeaning(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		a, b http.Header
		want string
	}{
		"ignored by default": {
			http.Header{"Date": {"x"}, "Server": {"x"}, "Content-Length": {"1"}, "X-Request-Id": {"1"}}, http.Header{}, "equal"},
		"Vary is a set":     {http.Header{"Vary": {"Accept, Cookie"}}, http.Header{"Vary": {"cookie", "accept"}}, "equal"},
		"Vary lacks one":    {http.Header{"Vary": {"Accept, Cookie"}}, http.Header{"Vary": {"Accept"}}, "different; header.Vary.cookie missing |"},
		"Cache-Control":     {http.Header{"Cache-Control": {"max-age=0, private"}}, http.Header{"Cache-Control": {"Private, max-age=60"}}, "different; header.Cache-Control.max-age value 0|60"},
		"ETag by presence":  {http.Header{"Etag": {`"a"`}}, http.Header{"Etag": {`W/"b"`}}, "equal"},
		"ETag is gone":      {http.Header{"Etag": {`"a"`}}, nil, "different; header.Etag missing |"},
		"charset of JSON":   {http.Header{"Content-Type": {"application/json"}}, http.Header{"Content-Type": {"Application/JSON; charset=UTF-8"}}, "equal"},
		"charset of HTML":   {http.Header{"Content-Type": {"text/html"}}, http.Header{"Content-Type": {"text/html; charset=UTF-8"}}, "different; header.Content-Type.charset extra |utf-8"},
		"no Vary":           {http.Header{"Vary": {"Cookie"}}, nil, "different; header.Vary.cookie missing |"},
		"type":              {http.Header{"Content-Type": {"text/html"}}, http.Header{"Content-Type": {"text/plain"}}, "different; header.Content-Type.value value text/html|text/plain"},
		"Location spelling": {http.Header{"Location": {"http://Example.com:80"}}, http.Header{"Location": {"HTTP://example.com/"}}, "equal"},
		"Location":          {http.Header{"Location": {"/a"}}, http.Header{"Location": {"/b"}}, "different; header.Location.url value /a|/b"},
		"values at commas":  {http.Header{"Www-Authenticate": {"Basic realm=a, Bearer"}}, http.Header{"Www-Authenticate": {"Basic realm=a", "Bearer"}}, "different; header.Www-Authenticate type Basic realm=a, Bearer|"},
		"cookie by attributes": {
			http.Header{"Set-Cookie": {"a=1; Path=/; expires=Thu, 01 Jan 2026 00:00:00 GMT; HttpOnly", "b=1; Secure"}},
			http.Header{"Set-Cookie": {"b=2; secure", "a=2; HttpOnly; Expires=Fri, 02 Jan 2026 00:00:00 GMT; path=/"}}, "equal"},
		"cookie attributes": {
			http.Header{"Set-Cookie": {"a=1; Path=/; Secure; SameSite=Lax"}}, http.Header{"Set-Cookie": {"a=1; Path=/x; SameSite=lax"}},
			"different; header.Set-Cookie.a.Path value /|/x; header.Set-Cookie.a.Secure missing |"},
		"cookie names": {http.Header{"Set-Cookie": {"a=1"}}, http.Header{"Set-Cookie": {"a=1", "c=1"}}, "different; header.Set-Cookie.c extra |"},
		"asked for":    {http.Header{"X-Total": {"1"}}, http.Header{"X-Total": {"2"}}, "different; header.X-Total value 1|2"},
	} {
		c := comparer(t, Options{Headers: []string{"x-total"}})
		a, b := Answer{Status: 200, Header: test.a}, Answer{Status: 200, Header: test.b}
		if diff := cmp.Diff(test.want, strings.Join(found(c.Compare(a, b, now)), "; ")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		assertMirrored(t, c, a, b)
	}
}

func TestCookieValuesAreNotShown(t *testing.T) {
	t.Parallel()
	c := comparer(t, Options{})
	got := c.Compare(Answer{Header: http.Header{"Set-Cookie": {"sessionid=secret; Path=/"}}}, Answer{Header: http.Header{"Set-Cookie": {"sid=secret"}}}, now)
	for _, d := range got.Differences {
		if strings.Contains(d.Monolith.Text+d.Service.Text+d.Path, "secret") {
			t.Errorf("%+v", d)
		}
	}
}

func TestTrailersAndStatusOfGRPC(t *testing.T) {
	t.Parallel()
	c := comparer(t, Options{})
	h := http.Header{"Content-Type": {"application/grpc"}}
	only := http.Header{"Content-Type": {"application/grpc"}, "Grpc-Status": {"5"}}
	a := Answer{Status: 200, Header: h, Trailer: http.Header{"Grpc-Status": {"5"}}}
	if got := c.Compare(a, Answer{Status: 200, Header: only}, now); got.Verdict != Equal {
		t.Errorf("%+v", got)
	}
	b := Answer{Status: 200, Header: h, Trailer: http.Header{"Grpc-Status": {"0"}, "X-Sum": {"1"}}}
	if diff := cmp.Diff([]string{"different", "trailer.Grpc-Status value 5|0", "trailer.X-Sum extra |1"}, found(c.Compare(a, b, now))); diff != "" {
		t.Error(diff)
	}
}

const djangoPage = `<!DOCTYPE html>
<html><head><meta name="csrf-token" content="TOKEN"><link rel="stylesheet" href="/static/app.HASH.css">
<script nonce="NONCE" src="/static/app.HASH.js"></script></head>
<body><form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="TOKEN">
<input name="title" value="VALUE"><time>2026-01-01</time></form></body></html>`

func TestDjangoPreset(t *testing.T) {
	t.Parallel()
	page := func(token, hash, nonce, value string) Answer {
		a := answer("text/html; charset=utf-8", strings.NewReplacer("TOKEN", token, "HASH", hash, "NONCE", nonce, "VALUE", value).Replace(djangoPage))
		a.Header["Set-Cookie"] = []string{"csrftoken=" + token + "; Path=/"}
		a.Header.Set("Location", "http://"+nonce+"/x")
		return a
	}
	a := page("t1", "55e7cbb9ba48", "n1", "v")
	b := page("t2", "aaaacbb9ba48", "n2", "v")
	b.Header.Del("Set-Cookie")
	if got := comparer(t, Options{}).Compare(a, b, now); got.Total != 7 {
		t.Errorf("without the preset: %v", found(got))
	}
	c := comparer(t, Options{Presets: []string{"django", "drf"}})
	if got := c.Compare(a, b, now); got.Verdict != EqualByRule || len(got.Excuses) != 7 {
		t.Errorf("%v %+v", found(got), got.Excuses)
	}
	if diff := cmp.Diff([]string{"different", "$.html[1].body[1].form[0].input[2].@value value v|w"}, found(c.Compare(a, page("t2", "aaaacbb9ba48", "n2", "w"), now))); diff != "" {
		t.Error(diff)
	}
	api := func(host, price, at string) Answer {
		return answer("application/json", `{"next":"http://`+host+`/v1/faq/?page=2","results":[{"price":`+price+`,"at":"`+at+`"},{"price":1,"at":""}]}`)
	}
	if got := c.Compare(api("a", `"12.50"`, "2026-01-01T00:00:00Z"), api("b", `12.5`, "2026-01-01T01:00:00.000000+01:00"), now); got.Verdict != EqualByRule {
		t.Errorf("%v", found(got))
	}
	if got := c.Compare(api("a", `"12.50"`, "2026-01-01T00:00:00Z"), api("b", `12.51`, "2026-01-01T00:00:01Z"), now); got.Total != 2 {
		t.Errorf("%v", found(got))
	}
}
