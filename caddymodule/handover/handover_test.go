package handover

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// generations are servers on one address, one after the other, as Caddy runs them.
type generations struct {
	t       *testing.T
	address caddy.NetworkAddress
}

func newGenerations(t *testing.T) *generations {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := uint(free.Addr().(*net.TCPAddr).Port)
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	return &generations{t, caddy.NetworkAddress{Network: "tcp", Host: "127.0.0.1", StartPort: port, EndPort: port}}
}

// server is one generation's server.
type server struct {
	t          *testing.T
	generation *Generation
	http       *http.Server
}

// start starts a server that answers with its name, the method and the body. It
// does not accept before begin.
func (g *generations) start(name string, change ...func(*http.Server)) *server {
	g.t.Helper()
	s := &server{t: g.t, generation: NewGeneration()}
	l, err := open(context.Background(), s.generation, g.address, net.KeepAliveConfig{Enable: true})
	if err != nil {
		g.t.Fatal(err)
	}
	s.http = &http.Server{ConnState: observe, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", name, r.URL.Path, body)
	})}
	for _, c := range change {
		c(s.http)
	}
	go func() { _ = s.http.Serve(l) }()
	g.t.Cleanup(func() { _ = s.http.Close() })
	return s
}

func (s *server) begin() *server {
	s.generation.Begin()
	return s
}

// stop ends a server as Caddy does.
func (s *server) stop() {
	s.t.Helper()
	s.generation.End()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		s.t.Error(err)
	}
}

type client struct {
	t *testing.T
	net.Conn
	answers *bufio.Reader
}

func (g *generations) client() *client {
	g.t.Helper()
	conn, err := net.Dial("tcp", g.address.JoinHostPort(0))
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = conn.Close() })
	return &client{g.t, conn, bufio.NewReader(conn)}
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// want reads an answer.
func (c *client) want(body string) {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	response, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		c.t.Fatalf("instead of %q: %v", body, err)
	}
	got, err := io.ReadAll(response.Body)
	if err != nil || string(got) != body {
		c.t.Fatalf("got %q (%v), want %q", got, err, body)
	}
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }

func post(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

func TestConnectionsMoveBetweenRequests(t *testing.T) {
	t.Parallel()
	g := newGenerations(t)
	one := g.start("one").begin()
	silent, used, posted := g.client(), g.client(), g.client()
	used.send(get("/a"))
	used.want("one /a ")
	posted.send(post("/b", "body"))
	posted.want("one /b body")

	two := g.start("two").begin()
	one.stop()
	silent.send(get("/c"))
	silent.want("two /c ")
	used.send(get("/d"))
	used.want("two /d ")
	posted.send(post("/e", "more"))
	posted.want("two /e more")

	three := g.start("three").begin()
	two.stop()
	for i, c := range []*client{silent, used, posted} {
		c.send(post("/f", fmt.Sprint(i)))
		c.want(fmt.Sprint("three /f ", i))
	}
	three.stop() // nobody follows: the connections end
	for _, c := range []*client{silent, used, posted} {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := c.answers.ReadByte(); err != io.EOF {
			t.Errorf("after the last: %v, want EOF", err)
		}
	}
}

// A configuration that is refused after its servers were started has accepted nothing.
func TestRefusedGenerationAcceptsNothing(t *testing.T) {
	t.Parallel()
	g := newGenerations(t)
	one := g.start("one").begin()
	refused := g.start("refused")
	c := g.client()
	c.send(get("/a"))
	c.want("one /a ")
	refused.stop()
	c.send(get("/b"))
	c.want("one /b ")
	fresh := g.client()
	fresh.send(get("/c"))
	fresh.want("one /c ")
	one.stop()
}

// A configuration that began and then failed gives its connections back.
func TestGenerationThatFailsAfterItsStart(t *testing.T) {
	t.Parallel()
	g := newGenerations(t)
	one := g.start("one").begin()
	failed := g.start("failed").begin()
	c := g.client()
	c.send(get("/a"))
	c.want("failed /a ")
	if err := failed.http.Shutdown(t.Context()); err != nil { // without End
		t.Fatal(err)
	}
	fresh := g.client()
	fresh.send(get("/b"))
	fresh.want("one /b ")
	one.stop()
}

// What the server has read of a following request cannot be moved: it stays.
func TestHalfReadRequestsAreNotMoved(t *testing.T) {
	t.Parallel()
	for name, rest := range map[string]string{"pipelined": get("/b"), "half": "GET /b HTTP/1.1\r\nHo", "a byte": "G"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGenerations(t)
			one := g.start("one").begin()
			c := g.client()
			c.send(get("/a") + rest)
			c.want("one /a ")
			ended := make(chan struct{})
			_ = g.start("two").begin()
			go func() { defer close(ended); one.stop() }()
			c.send(strings.TrimPrefix(get("/b"), rest))
			c.want("one /b ")
			<-ended
		})
	}
}

// A request under way is answered by the generation that has it.
func TestRequestUnderWayStays(t *testing.T) {
	t.Parallel()
	g := newGenerations(t)
	arrived, answer := make(chan struct{}), make(chan struct{})
	one := g.start("one", func(s *http.Server) {
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				arrived <- struct{}{}
				<-answer
			}
			fmt.Fprint(w, "one")
		})
	}).begin()
	c := g.client()
	c.send(get("/slow"))
	<-arrived
	_ = g.start("two").begin()
	ended := make(chan struct{})
	go func() { defer close(ended); one.stop() }()
	fresh := g.client()
	fresh.send(get("/fresh"))
	fresh.want("two /fresh ")
	close(answer)
	c.want("one")
	<-ended // a request that comes before may still be the old server's
	c.send(get("/next"))
	c.want("two /next ")
}

// HTTP/2 without TLS is never taken for HTTP/1.1 between two requests.
func TestHTTP2WithoutTLSIsNotMoved(t *testing.T) {
	t.Parallel()
	g := newGenerations(t)
	one := g.start("one", func(s *http.Server) {
		s.Protocols = new(http.Protocols)
		s.Protocols.SetHTTP1(true)
		s.Protocols.SetUnencryptedHTTP2(true)
	}).begin()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	ask := func(want string) {
		t.Helper()
		response, err := (&http.Client{Transport: transport}).Get("http://" + g.address.JoinHostPort(0) + "/a")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); err != nil || response.ProtoMajor != 2 || string(body) != want {
			t.Fatalf("%s %q %v, want HTTP/2 %q", response.Proto, body, err, want)
		}
	}
	ask("one /a ")
	all := one.generation.all()
	if len(all) != 1 || all[0].phase != opaque {
		t.Errorf("the connections are %+v, want one that is opaque", all)
	}
	_ = g.start("two").begin()
	one.generation.End() // and Shutdown sends GOAWAY
	ask("one /a ")
}
