package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rawServer answers every request with the same bytes.
type rawServer struct {
	net.Listener
	conns  atomic.Int32
	answer atomic.Pointer[string]
	hangUp atomic.Bool // after every answer
	done   sync.WaitGroup
}

func newRawServer(tb testing.TB, answer string, hangUp bool) *rawServer {
	tb.Helper()
	ln, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &rawServer{Listener: ln}
	s.answer.Store(&answer)
	s.hangUp.Store(hangUp)
	s.done.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.conns.Add(1)
			s.done.Go(func() { s.serve(conn) })
		}
	})
	tb.Cleanup(func() {
		_ = ln.Close()
		s.done.Wait()
	})
	return s
}

func (s *rawServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for in := bufio.NewReader(conn); ; {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		_, err := io.WriteString(conn, *s.answer.Load())
		if err != nil || s.hangUp.Load() {
			return
		}
	}
}

// bothTransports are lean and its oracle, for the server at address.
func bothTransports(tb testing.TB, address string) (ours *lean, theirs *http.Transport) {
	tb.Helper()
	e, err := newEndpoint("http://"+address, Limits{Dial: time.Second}, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	ours, ok := e.transport.(*lean)
	if !ok {
		tb.Skip("no lean here")
	}
	theirs = e.newTransport(nil)
	tb.Cleanup(ours.CloseIdleConnections)
	tb.Cleanup(theirs.CloseIdleConnections)
	return ours, theirs
}

// heard is all that a caller learns of one answer.
type heard struct {
	Early         []int
	Failed        bool
	Status        string
	Length        int64
	Header        http.Header
	Trailer       http.Header
	Body          string
	Broke, CutOff bool
}

func hear(tb testing.TB, rt http.RoundTripper, address string) (h heard) {
	tb.Helper()
	ctx := httptrace.WithClientTrace(tb.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		h.Early = append(h.Early, code)
		return nil
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/a%2fb?c", nil)
	if err != nil {
		tb.Fatal(err)
	}
	res, err := rt.RoundTrip(req)
	if err != nil {
		h.Failed = true
		return h
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	h.Status, h.Length, h.Header, h.Trailer = res.Status, res.ContentLength, res.Header, res.Trailer
	h.Body, h.Broke, h.CutOff = string(body), err != nil, errors.Is(err, io.ErrUnexpectedEOF)
	return h
}

func TestLeanAnswersAreHTTPTransports(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\nX-A: 2\r\n\r\nok"
	for name, c := range map[string]struct {
		answer string
		hangUp bool
		conns  int32 // that two requests use
		stray  bool  // bytes follow, which http.Transport may take for an answer
	}{
		"plain":            {ok, false, 1, false},
		"hangs up":         {ok, true, 2, false},
		"empty":            {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, 1, false},
		"chunks, trailers": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n", false, 1, false},
		"bad chunk":        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n", false, 2, false},
		"cut chunks":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok", true, 2, false},
		"cut":              {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", true, 2, false},
		"to the end":       {"HTTP/1.1 200 OK\r\n\r\nok", true, 2, false},
		"close":            {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", false, 2, false},
		"1.0":              {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", false, 2, false},
		"1.0 kept":         {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", false, 1, false},
		"early":            {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + ok, false, 1, false},
		"204":              {"HTTP/1.1 204 No Content\r\n\r\n", false, 1, false},
		"304, length":      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, 1, false},
		"204, body":        {"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", false, 2, true},
		"two answers":      {ok + ok, false, 2, true},
		"rubbish after":    {ok + "\r\n", false, 2, true},
		"garbage":          {"SSH-2.0-x\r\n", true, 2, false},
		"nothing":          {"", true, 2, false},
		"half a head":      {"HTTP/1.1 200 OK\r\nConte", true, 2, false},
		"huge head":        {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxAnswerHead+4096) + "\r\n\r\n", true, 2, false},
		"CL and TE":        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false, 1, false},
		"two lengths":      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk", true, 2, false},
		"unknown TE":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", true, 2, false},
		"signed length":    {"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok", true, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRawServer(t, c.answer, c.hangUp)
			address := s.Addr().String()
			ours, theirs := bothTransports(t, address)
			want, got := hear(t, theirs, address), hear(t, ours, address)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			again := s.conns.Load()
			if diff := cmp.Diff(want, hear(t, ours, address)); diff != "" {
				t.Error("second request:", diff)
			}
			if n := s.conns.Load() - again + 1; n != c.conns {
				t.Errorf("lean used %d connections, want %d", n, c.conns)
			}
			again = s.conns.Load()
			if c.stray {
				return
			}
			hear(t, theirs, address)
			if n := s.conns.Load() - again + 1; n != c.conns {
				t.Errorf("http.Transport used %d connections, want %d", n, c.conns)
			}
		})
	}
}

// FuzzLeanAnswer: whatever a server says, lean understands it as http.Transport
// does.
func FuzzLeanAnswer(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.0 200\r\n\r\nok", "HTTP/1.1 103 x\r\n\r\nHTTP/1.1 204 x\r\n\r\nx", "HTTP/1.1 99 x\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 1, 1\n\nx",
	} {
		f.Add(seed)
	}
	s := newRawServer(f, "", true)
	address := s.Addr().String()
	ours, theirs := bothTransports(f, address)
	f.Fuzz(func(t *testing.T, answer string) {
		s.answer.Store(&answer)
		want := hear(t, theirs, address)
		theirs.CloseIdleConnections()
		if strings.HasPrefix(want.Status, "101") || len(want.Early) > maxInformational {
			return // lean refuses these
		}
		if diff := cmp.Diff(want, hear(t, ours, address)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLeanRefusesWhatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", maxInformational+1) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	} {
		s := newRawServer(t, answer, true)
		ours, _ := bothTransports(t, s.Addr().String())
		if h := hear(t, ours, s.Addr().String()); !h.Failed {
			t.Errorf("%.20q… gave %+v", answer, h)
		}
	}
}

// TestLeanNeverMixesAnswers cancels many requests at all stages.
func TestLeanNeverMixesAnswers(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(r.URL.RawQuery+" ", 2000))
	}))
	t.Cleanup(s.Close)
	ours, _ := bothTransports(t, s.Listener.Addr().String())
	var clients sync.WaitGroup
	var complete atomic.Int32
	for client := range 8 {
		clients.Go(func() {
			for i := range 150 {
				id := fmt.Sprintf("%d-%d", client, i)
				ctx, cancel := context.WithCancel(t.Context())
				if i%3 == 1 {
					ctx, cancel = context.WithTimeout(t.Context(), time.Duration(i)*5*time.Microsecond)
				}
				req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/?"+id, nil)
				res, err := ours.RoundTrip(req)
				if err != nil {
					cancel()
					continue
				}
				if i%3 == 2 {
					go cancel()
				}
				body, err := io.ReadAll(res.Body)
				if full := strings.Repeat(id+" ", 2000); !strings.HasPrefix(full, string(body)) || err == nil && full != string(body) {
					t.Errorf("%s got %.40q, %v", id, body, err)
				} else if err == nil {
					complete.Add(1)
				}
				cancel()
				_ = res.Body.Close()
				_ = res.Body.Close()
			}
		})
	}
	clients.Wait()
	if complete.Load() < 400 {
		t.Errorf("%d complete answers, want 400 and more", complete.Load())
	}
}
