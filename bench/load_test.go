package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// serve runs a handler as a proxy would be seen by the load process: in the
// clear or over TLS with HTTP/2.
func serve(t *testing.T, w workload, handler http.Handler) (address, certFile string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	t.Cleanup(server.Close)
	if !w.http2 {
		server.Start()
		return server.Listener.Addr().String(), ""
	}
	files, err := makeCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(files.cert, files.key)
	if err != nil {
		t.Fatal(err)
	}
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	return server.Listener.Addr().String(), files.cert
}

// loads runs orders through the subcommand as the run would.
func loads(t *testing.T, orders ...order) []sliceResult {
	t.Helper()
	var in, out bytes.Buffer
	for _, o := range orders {
		if err := json.NewEncoder(&in).Encode(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := serveLoad(&in, &out); err != nil {
		t.Fatal(err)
	}
	results := make([]sliceResult, len(orders))
	decoder := json.NewDecoder(&out)
	for i := range results {
		if err := decoder.Decode(&results[i]); err != nil {
			t.Fatal(err)
		}
	}
	return results
}

// splitter stands in for Strangler: it gives every new visitor a cookie and
// answers by its last digit. Who has a session is on the service.
type splitter struct {
	sticky string
	next   chan int
}

func newSplitter(sticky string) *splitter {
	s := &splitter{sticky: sticky, next: make(chan int, 1)}
	s.next <- 0
	return s
}

func (s *splitter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get(userHeader)
	if s.sticky == stickyVisitor {
		cookie, err := r.Cookie("visitor")
		if err != nil {
			n := <-s.next
			s.next <- n + 1
			cookie = &http.Cookie{Name: "visitor", Value: fmt.Sprint(n), HttpOnly: true}
			http.SetCookie(w, cookie)
		}
		key = cookie.Value
	}
	arm := "monolith"
	if _, err := r.Cookie("session"); err == nil {
		arm = "service"
	} else if key != "" && key[len(key)-1]%2 == 1 {
		arm = "service"
	}
	originHandler(arm).ServeHTTP(w, r)
}

func TestEveryWorkloadIsAnsweredAndSplit(t *testing.T) {
	t.Parallel()
	for _, w := range workloads() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			address, cert := serve(t, w, newSplitter(w.sticky))
			o := order{
				Proxy: "p", Address: address, CertFile: cert, Workload: w.name,
				Crowd: "c", Users: 20, Paths: []string{"/a", "/b/c"}, Split: true,
			}
			learn, saturated, paced := o, o, o
			learn.Requests = 20
			saturated.Length = 100 * time.Millisecond
			paced.Length, paced.Rate = 100*time.Millisecond, 200
			for i, r := range loads(t, learn, saturated, paced) {
				if r.Wrong > 0 || r.Answers == 0 || r.P50 <= 0 || r.P99 < r.P50 || r.Elapsed <= 0 {
					t.Errorf("slice %d: %+v", i, r)
				}
				if r.Service == 0 || (r.Service == r.Seen) != w.whole() {
					t.Errorf("slice %d: %d of %d on the service", i, r.Service, r.Seen)
				}
				if i == 2 && r.Answers > 22 {
					t.Errorf("%d answers in 100 ms at 200 per second", r.Answers)
				}
			}
		})
	}
}

// Every answer that is not the expected one must be noticed: a proxy that is
// fast because it is wrong has no ratio.
func TestWrongAnswersAreNoticed(t *testing.T) {
	t.Parallel()
	plain := originHandler("monolith")
	for _, test := range []struct {
		name, want string
		handler    http.HandlerFunc
	}{
		{"status", "status 502", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) }},
		{"arm", "not answered by the monolith", originHandler("service").ServeHTTP},
		{"no arm", "which arm", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(smallAnswer) }},
		{"short", "of 3 bytes", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(armHeader, "monolith")
			_, _ = w.Write([]byte("{}\n"))
		}},
		{"changed", "is not the expected one", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(armHeader, "monolith")
			_, _ = w.Write(bytes.ToUpper(smallAnswer))
		}},
		{"cut", "", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(armHeader, "monolith")
			w.Header().Set("Content-Length", fmt.Sprint(len(smallAnswer)))
			_, _ = w.Write(smallAnswer[:10])
			panic(http.ErrAbortHandler)
		}},
	} {
		for _, name := range []string{"json", "http2"} {
			t.Run(test.name+" "+name, func(t *testing.T) {
				t.Parallel()
				w := workloadNamed(name)
				address, cert := serve(t, w, test.handler)
				o := order{
					Proxy: "p", Address: address, CertFile: cert, Workload: w.name,
					Crowd: "c", Users: 2, Paths: []string{"/a"}, Requests: 3,
				}
				r := loads(t, o)[0]
				if r.Answers != 0 || r.Wrong == 0 || !strings.Contains(strings.Join(r.Errors, "\n"), test.want) {
					t.Errorf("%+v does not say %q", r, test.want)
				}
			})
		}
	}
	address, _ := serve(t, workload{}, plain)
	good := order{Proxy: "p", Address: address, Workload: "json", Crowd: "c", Users: 2, Paths: []string{"/a"}, Requests: 3}
	if r := loads(t, good)[0]; r.Answers != 3 || r.Wrong != 0 {
		t.Errorf("correct answers: %+v", r)
	}
}

func TestAUserWhoChangesTheArmIsNoticed(t *testing.T) {
	t.Parallel()
	arms := make(chan string, 2)
	arms <- "monolith"
	arms <- "service"
	address, _ := serve(t, workload{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arm := <-arms
		arms <- arm
		originHandler(arm).ServeHTTP(w, r)
	}))
	o := order{
		Proxy: "p", Address: address, Workload: "json-header",
		Crowd: "c", Users: 1, Paths: []string{"/a"}, Split: true, Requests: 2,
	}
	r := loads(t, o)[0]
	if r.Answers != 1 || r.Wrong != 1 || !strings.Contains(r.Errors[0], "changed the arm") {
		t.Errorf("%+v", r)
	}
}

func TestAProxyThatIsNotThereEndsTheSlice(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	o := order{
		Proxy: "p", Address: listener.Addr().String(), Workload: "json",
		Crowd: "c", Users: 1, Paths: []string{"/a"}, Length: time.Minute,
	}
	if r := loads(t, o)[0]; r.Answers != 0 || r.Wrong == 0 || !strings.Contains(r.Errors[0], "refused") {
		t.Errorf("%+v", r)
	}
}

func TestOriginEndsWithItsStdin(t *testing.T) {
	t.Parallel()
	stdin, end := io.Pipe()
	stdout, in := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- serveOrigin(stdin, in) }()
	var addresses originAddresses
	if err := json.NewDecoder(stdout).Decode(&addresses); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for arm, address := range map[string]string{"monolith": addresses.Monolith, "service": addresses.Service} {
		answer, err := client.Get("http://" + address + "/a/" + idLarge)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.Header.Get(armHeader) != arm || !bytes.Equal(body, largeAnswer) {
			t.Errorf("%s answers as %q with %d bytes, %v", arm, answer.Header.Get(armHeader), len(body), err)
		}
	}
	if err := end.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
