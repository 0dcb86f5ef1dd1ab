package shadow_test

import (
	"bufio"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow"
)

// told says that a record came.
type told chan shadow.Bucket

func (t told) Record(r *shadow.Record) { t <- r.Bucket }

// replies is a server that says the same to every request, and allocates nothing.
func replies(tb testing.TB, text string) (url string) {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				in, out := bufio.NewReader(conn), []byte(text)
				for {
					line, err := in.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) > 2 {
						continue
					}
					if _, err := conn.Write(out); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// BenchmarkComparison is a request that is copied, asked again and compared; its
// shadow takes no part in the allocations.
func BenchmarkComparison(b *testing.B) {
	body := `{"id":7,"title":"How do I reset my password?","tags":["account","login"],"votes":12,"text":"` + strings.Repeat("x", 200) + `"}`
	done := make(told)
	mirrors, err := shadow.New(shadow.Options{Connect: connect, Recorder: done})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(mirrors.Close)
	url := replies(b, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Mon, 02 Nov 2026 08:00:00 GMT\r\nContent-Length: "+
		strconv.Itoa(len(body))+"\r\n\r\n"+body)
	err = mirrors.Apply([]shadow.Settings{{
		Route: "faq", Sample: routes.One, Timeout: time.Minute, Service: shadow.Target{Name: "faq", URLs: []string{url}},
	}})
	if err != nil {
		b.Fatal(err)
	}
	h := mirrored(mirrors.Route("faq"), shadow.Ending{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		_, _ = w.Write([]byte(body))
	})
	r, w := benchRequest(b), &sink{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h(w, r)
		if bucket := <-done; bucket != shadow.Equal {
			b.Fatal(bucket)
		}
	}
}
