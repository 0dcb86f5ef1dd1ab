package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// shared is the part of the script that the stand-in must answer like Django:
// everything that a person or a program does with the helpdesk.
func (b *browser) shared() {
	b.pages()
	b.signingIn()
	b.tickets()
	b.api()
	b.queue()
	b.liveComments()
	b.submit("/tickets/", "/accounts/logout/", nil)
	b.get("/tickets/")
}

// oddities are requests at the edge, which a proxy must pass on untouched.
func (b *browser) oddities() {
	for _, target := range []string{
		"//faq/", "/faq//", "/faq/%2e%2e/", "/faq/../faq/", "/faq/%2F1/", "/faq/1%2f", "/FAQ/", "/faq/caf%C3%A9/", "/faq/%ff/",
		"/faq/1/;x=1", "/faq/?a;b=1", "/faq/?%zz", "/faq/?q=%00", "/faq/?", "/faq/?q=a+b%20c&q=%26", "/v1/faq/1?a=%2F",
		"/v1/faq/%31", "/v1/faq/1/", "/v1/faq/x", "/static/helpdesk/../helpdesk/helpdesk.css", "/faq/\\1", "/faq/a'b\"c",
	} {
		b.get(target)
	}
	for _, method := range []string{"HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "PURGE"} {
		b.do(method, "/faq/1/", nil, nil)
		b.do(method, "/v1/faq/1", nil, nil)
	}
	b.do("GET", "/faq/", http.Header{"Accept-Encoding": {"gzip"}}, nil)
	b.do("GET", "/faq/1/", http.Header{"X-Forwarded-For": {"192.0.2.1"}, "X-Big": {strings.Repeat("x", 8000)}}, nil)
	css := b.get("/static/helpdesk/helpdesk.css")
	b.do("GET", "/static/helpdesk/helpdesk.css", http.Header{"If-Modified-Since": css.Header["Last-Modified"]}, nil)
	b.do("GET", "/static/helpdesk/favicon.png", http.Header{"Range": {"bytes=10-19"}}, nil)
	b.get("/admin/login/")
	// A body of unknown length, and one that waits to be asked for.
	question := func(text string) io.Reader {
		return io.MultiReader(strings.NewReader(`{"question":"`+text+`",`), strings.NewReader(`"source":"test"}`))
	}
	b.do("POST", "/v1/create/", http.Header{"Content-Type": {"application/json"}}, question("chunked?"))
	b.do("POST", "/v1/create/", http.Header{"Expect": {"100-continue"}}, question("continue?"))
	b.do("GET", "/v1/faq/1", nil, strings.NewReader("a body that nobody reads"))
}

func (b *browser) pages() {
	for _, target := range []string{
		"/", "/faq", "/faq/", "/faq/2/", "/faq/5/", "/faq/6/", "/faq/999/", "/faq/?q=invoice", "/faq/?q=%E6%97%A5%E6%9C%AC",
		"/static/helpdesk/helpdesk.css", "/static/helpdesk/live.js", "/static/helpdesk/favicon.png", "/static/none.css",
		"/tickets", "/tickets/", "/tickets/1/", "/faqcreator/", "/tickets/events/", "/accounts/login/", "/nothing/here",
	} {
		b.get(target)
	}
	b.do("HEAD", "/faq/2/", nil, nil)
	b.do("POST", "/v1/faq/1", nil, strings.NewReader("{}")) // is no part of the contract
}

func (b *browser) signingIn() {
	login := "/accounts/login/"
	b.do("POST", login, nil, nil) // without a CSRF token
	b.submit(login, login, url.Values{"username": {"anna"}, "password": {"wrong"}})
	b.submit(login, login, url.Values{"username": {"anna"}, "password": {"helpdesk"}, "next": {"/tickets/2/"}})
	b.submit("/tickets/", "/accounts/logout/", nil)
	b.submit(login, login, url.Values{"username": {"anna"}, "password": {"helpdesk"}, "next": {"//evil.example/"}})
}

func (b *browser) tickets() {
	b.get("/tickets/")
	b.submit("/tickets/new/", "/tickets/new/", url.Values{"subject": {""}, "text": {"x"}})
	b.submit("/tickets/new/", "/tickets/new/", url.Values{"subject": {"No ink & <paper>"}, "text": {"Línea 1\r\nline 2"}})
	b.get("/tickets/4/")
	b.submit("/tickets/4/", "/tickets/4/comment/", url.Values{"text": {"On its way – 明日"}})
	b.submit("/tickets/4/", "/tickets/4/comment/", url.Values{"text": {""}})
	b.get("/tickets/4/comment/")
	b.submit("/tickets/4/", "/tickets/99/comment/", url.Values{"text": {"x"}})
	// One upload that Django keeps in memory, and one that it spools to disk.
	b.upload("/tickets/4/", "small one.bin", 3_000)
	b.upload("/tickets/4/", "large.bin", 3_500_000)
	b.get("/tickets/attachments/1/")
	b.get("/tickets/attachments/2/")
	b.get("/tickets/attachments/3/")
	b.get("/tickets/export.csv")
	b.submit("/tickets/4/", "/tickets/4/resolve/", nil)
	b.get("/tickets/4/")
	b.get("/faqcreator/")
	b.get("/faqcreator/1/") // not resolved
	b.submit("/faqcreator/4/", "/faqcreator/4/", url.Values{"question": {"Where is ink?"}, "answer": {"Room 4."}, "related": {"1", "3"}})
	b.submit("/faqcreator/4/", "/faqcreator/4/", url.Values{"question": {""}})
	b.get("/faq/8/")
}

// upload attaches a file of size bytes to a ticket.
func (b *browser) upload(ticket, name string, size int) {
	b.t.Helper()
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	_ = parts.SetBoundary("a-boundary-that-is-the-same-each-time") // it is a valid one
	_ = parts.WriteField(csrfField, b.token(ticket))
	file, _ := parts.CreateFormFile("file", name) // a buffer takes everything
	for i := range size {
		file.Write([]byte{byte(i * i >> 3)}) //nolint:errcheck // a buffer takes everything
	}
	_ = parts.Close()
	b.do("POST", ticket+"attach/", http.Header{"Content-Type": {parts.FormDataContentType()}}, &form)
}

// queue is the JSON contract of the tickets.
func (b *browser) queue() {
	for _, target := range []string{"/v1/tickets/", "/v1/tickets", "/v1/tickets/1", "/v1/tickets/4711", "/v1/tickets/1?x=1"} {
		b.get(target)
	}
	b.do("HEAD", "/v1/tickets/1", nil, nil)
	b.do("POST", "/v1/tickets/1", nil, strings.NewReader("x=1"))
}

func (b *browser) api() {
	for _, target := range []string{"/v1/faq/", "/v1/faq", "/v1/faq/1", "/v1/faq/8", "/v1/faq/4711", "/v1/create/"} {
		b.get(target)
	}
	b.do("HEAD", "/v1/faq/1", nil, nil)
	for _, body := range []string{
		`{"question": " When? ", "source": "mail"}`, `{"question": "When?", "source": "mail", "related": [1]}`,
		`{"question": "日本\t<&>", "source": "\u00e9", "other": 1}`, `{"question": "", "source": null}`, `{}`, `[]`, `null`, `5`, ``, `{"question":`,
		"{\"question\": \"\xff\", \"source\": \"x\"}", `{"question": 5, "source": ["x"]}`, `{"question": "a\u0000b", "source": "x"}`,
		fmt.Sprintf(`{"question": "%s", "source": "%s"}`, strings.Repeat("ü", 301), strings.Repeat("x", 100)),
	} {
		b.do("POST", "/v1/create/", http.Header{"Content-Type": {"application/json"}}, strings.NewReader(body))
	}
	for _, body := range []string{
		`{"question": "Who?", "source": "mail", "related": [3, 1, 3]}`, `{"question": "Who?", "source": "mail", "related": []}`,
		`{"question": "Who?", "source": "mail"}`, `{"question": "Who?", "source": "mail", "related": null}`, `{"related": [true]}`,
		`{"question": "Who?", "source": "mail", "related": [1, 99]}`, `{"question": "Who?", "source": "mail", "related": [1.0]}`,
		`{"question": "Who?", "source": "mail", "related": [null]}`, `{"question": "Who?", "source": "mail", "related": "1"}`,
	} {
		b.do("POST", "/v2/create/", http.Header{"Content-Type": {"application/json"}}, strings.NewReader(body))
	}
	b.get("/v1/faq/")
}

// liveComments is the event stream and the WebSocket: what one sends, both see.
func (b *browser) liveComments() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	events := b.openEvents(ctx)
	defer events.Body.Close()

	dial := func(path string, header http.Header) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(ctx, "ws://"+b.base.Host+path, &websocket.DialOptions{HTTPClient: b.client, HTTPHeader: header})
	}
	origin := http.Header{"Origin": {"http://" + b.base.Host}}
	evil := http.Header{"Origin": {"https://evil.example"}}
	for _, wrong := range []struct {
		path   string
		header http.Header
	}{{"/ws/tickets/1/", evil}, {"/ws/tickets/99/", origin}} {
		path := wrong.path
		_, refused, err := dial(path, wrong.header)
		if err == nil {
			b.t.Fatalf("%s with %v was not refused", path, wrong.header)
		}
		b.history = append(b.history, exchange{Request: "WebSocket " + path, Status: refused.StatusCode})
	}
	socket, accepted, err := dial("/ws/tickets/1/", origin)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = socket.CloseNow() }() // it is closed already when all is well
	b.history = append(b.history, exchange{Request: "WebSocket /ws/tickets/1/", Status: accepted.StatusCode, Header: accepted.Header})

	heard := ""
	for _, text := range []string{"by WebSocket", strings.Repeat("long ", 390), "naïve 明日 \U0001F600", ""} {
		if err := wsjson.Write(ctx, socket, map[string]string{"text": text}); err != nil {
			b.t.Fatal(err)
		}
		_, message, err := socket.Read(ctx)
		if err != nil {
			b.t.Fatal(err)
		}
		heard += string(message) + "\n"
	}
	b.history = append(b.history, exchange{Request: "WebSocket messages", Body: heard})
	if err := socket.Close(websocket.StatusNormalClosure, "bye"); err != nil {
		b.t.Errorf("the WebSocket did not close as agreed: %v", err)
	}
	b.submit("/tickets/2/", "/tickets/2/comment/", url.Values{"text": {"by form"}})
	seen, err := readUntil(events.Body, func(s string) bool { return strings.Contains(s, "by form\"}\n\n") })
	if err != nil {
		b.t.Fatalf("events: %v\n%s", err, seen)
	}
	b.history = append(b.history, exchange{Request: "events", Status: events.StatusCode, Header: events.Header, Body: seen})
}

// openEvents opens the event stream from the first comment on.
func (b *browser) openEvents(ctx context.Context) *http.Response {
	b.t.Helper()
	r := b.request(ctx, http.MethodGet, "/tickets/events/", http.Header{"Last-Event-ID": {"0"}, "Cookie": {b.cookies()}}, nil)
	response, err := b.client.Transport.RoundTrip(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return response
}
