package e2e

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

const (
	changes      = 100
	downloadSize = 16 << 20
)

// A WebSocket, an event stream and a slow download go on while the table is
// edited and the rollout changed a hundred times, even when an edit replaces
// the target that they are connected to.
func TestLongLivedConnectionsOutliveChanges(t *testing.T) {
	t.Parallel()
	django := testbed.StartHelpdesk(t)
	table := func(n int) string {
		return fmt.Sprintf(`
targets:
  monolith: { url: %q, timeouts: { dial: %ds } }
  tickets: { url: "http://127.0.0.1:1" }
monolith: monolith
routes:
  - { name: tickets, match: "/tickets/{rest...}", owner: tickets, service: tickets, fallback: [connect] }
  - { name: chat, match: "/ws/tickets/{id}/", owner: tickets, service: tickets, fallback: [connect] }
`, django.URL(""), n%20+1)
	}
	proxy := testbed.StartStrangler(t, func(address, admin string) (string, string) {
		return testbed.Caddyfile(address, admin), table(0)
	})

	writer := newBrowser(t, django.URL(""))
	writer.signIn("bao")
	writer.upload("/tickets/1/", "large.bin", downloadSize)
	reader := newBrowser(t, proxy.URL(""))
	reader.signIn("anna")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	chat := openChat(ctx, t, reader)
	events := reader.openEvents(ctx)
	defer events.Body.Close()
	stream := bufio.NewReader(events.Body)
	download := openDownload(t, reader, "/tickets/attachments/1/")

	for n := range changes {
		if n%3 == 0 {
			before := proxy.Status(t).Table.Version
			proxy.EditRoutes(t, table(n/3+1))
			proxy.WaitStatus(t, "the edit to be live", func(s engine.Status) bool { return s.Table.Version != before })
		} else {
			changeShare(t, proxy, []string{"tickets", "chat"}[n%2], n)
		}
		download.read(t, 16<<10)
		if n%10 != 9 {
			continue
		}
		text := fmt.Sprintf("after %d changes", n+1)
		if err := wsjson.Write(ctx, chat, map[string]string{"text": text}); err != nil {
			t.Fatalf("the WebSocket broke %s: %v", text, err)
		}
		if _, heard, err := chat.Read(ctx); err != nil || !strings.Contains(string(heard), text) {
			t.Fatalf("the WebSocket %s: %v, %s", text, err, heard)
		}
		waitLine(t, stream, text)
	}
	writer.submit("/tickets/2/", "/tickets/2/comment/", url.Values{"text": {"the last one"}})
	waitLine(t, stream, "the last one")
	if err := chat.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("the WebSocket did not close as agreed: %v", err)
	}
	download.wantWhole(t, writer.get("/tickets/attachments/1/").Body)
}

func openChat(ctx context.Context, t *testing.T, b *browser) *websocket.Conn {
	t.Helper()
	header := http.Header{"Origin": {"http://" + b.base.Host}}
	chat, _, err := websocket.Dial(ctx, "ws://"+b.base.Host+"/ws/tickets/1/", &websocket.DialOptions{HTTPClient: b.client, HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = chat.CloseNow() }) // it is closed already when all is well
	return chat
}

// changeShare changes a rollout by the admin API: a command for each would
// take longer than the test has.
func changeShare(t *testing.T, proxy *testbed.Strangler, route string, n int) {
	t.Helper()
	verb, body := "set", fmt.Sprintf(`{"by": "e2e", "route": %q, "percent": %d}`, route, n)
	if n%9 == 0 {
		verb, body = "hold", fmt.Sprintf(`{"by": "e2e", "route": %q, "reason": "a test"}`, route)
	}
	proxy.Verb(t, "rollout/"+verb, body)
}

// waitLine reads an event stream up to the line with the text.
func waitLine(t *testing.T, stream *bufio.Reader, text string) {
	t.Helper()
	for {
		line, err := stream.ReadString('\n')
		if err != nil {
			t.Fatalf("the event stream broke before %q: %v", text, err)
		}
		if strings.Contains(line, text) {
			return
		}
	}
}

// slowDownload is a download on a connection with a small buffer, so that the
// proxy and the monolith have to hold most of it until the test reads on.
// (Daphne cuts off who is not done a minute after its application was.)
type slowDownload struct {
	conn *net.TCPConn
	body io.ReadCloser
	got  []byte
}

func openDownload(t *testing.T, b *browser, path string) *slowDownload {
	t.Helper()
	d := &slowDownload{}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		d.conn = conn.(*net.TCPConn)
		return conn, d.conn.SetReadBuffer(16 << 10)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	r := b.request(t.Context(), http.MethodGet, path, http.Header{"Cookie": {b.cookies()}}, nil)
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the download: %s", response.Status)
	}
	d.body = response.Body
	return d
}

func (d *slowDownload) read(t *testing.T, n int64) {
	t.Helper()
	part, err := io.ReadAll(io.LimitReader(d.body, n))
	if err != nil {
		t.Fatalf("the download broke after %d bytes: %v", len(d.got), err)
	}
	d.got = append(d.got, part...)
}

func (d *slowDownload) wantWhole(t *testing.T, want string) {
	t.Helper()
	if err := d.conn.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	d.read(t, downloadSize*2)
	if sha256.Sum256(d.got) != sha256.Sum256([]byte(want)) {
		t.Errorf("the download has %d bytes that are not the %d of the file", len(d.got), len(want))
	}
}
