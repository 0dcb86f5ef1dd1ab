package main

import (
	"bytes"
	"net/http"
	"slices"
)

// stickyVisitor and stickyHeader are how the tables say what a split is sticky
// by.
const (
	stickyVisitor = "visitor"
	stickyHeader  = "header:" + userHeader
	userHeader    = "X-User-Id"
)

// workload is one kind of request, asked of every proxy.
type workload struct {
	name, title string
	method      string
	// id is the last path segment: it tells the origin what to answer.
	id string
	// upload is the length of the request's body.
	upload int
	// answer is the body that must come back.
	answer []byte
	// http2 asks over TLS with HTTP/2, otherwise it is HTTP/1.1 in the clear.
	http2 bool
	// sticky is what the routes are sticky by.
	sticky string
	// connections is how many clients ask at once, streams how many requests
	// each of them has under way (HTTP/2).
	connections, streams int
	// line is the ratio of CPU per request to reverse_proxy's that must not be
	// exceeded; 0: there is none.
	line float64
	// decided also asks Strangler with routes that a rollout or a flag decides.
	decided bool
	// fresh has every request come from a new visitor, of whom nothing is known
	// and nothing is kept.
	fresh bool
	// session has every request come with a session, and all of them go to the
	// service; it also asks Strangler with routes that want tokens.
	session bool
	// shadow has all users on the service, and asks Strangler with routes whose
	// answers are compared with the monolith's: with one that answers, and with one that
	// hangs.
	shadow bool
}

// offered is the rate at which latency is looked at, as a share of what
// reverse_proxy can do. With a shadow the proxy asks twice, and compares: its core must
// have room for both, or queueing is all that is measured.
func (w workload) offered() float64 {
	if w.shadow {
		return 0.15
	}
	return 0.5
}

// whole says that all users are to be on the service.
func (w workload) whole() bool { return w.session || w.shadow }

// The origin's answers. The small one is an object as a REST API gives it; the
// large one is text that does not compress to nothing.
var (
	smallAnswer  = []byte(`{"id":"small","question":"How do I reset my password?","answer":"Open your profile, choose Security and follow the link.","related":[4,8,15],"stale":false}` + "\n")
	largeAnswer  = largeText(100 << 10)
	uploadAnswer = []byte(`{"received":1048576}` + "\n")
)

const uploadLength = 1 << 20

// The last path segments the origin knows.
const (
	idSmall = "small"
	idLarge = "large"
)

func workloads() []workload {
	return []workload{
		{
			name: "json", title: "small JSON answer, sticky by visitor cookie", method: http.MethodGet, id: idSmall,
			answer: smallAnswer, sticky: stickyVisitor, connections: 16, streams: 1, line: 0.75, decided: true,
		},
		{
			name: "json-header", title: "small JSON answer, sticky by header", method: http.MethodGet, id: idSmall,
			answer: smallAnswer, sticky: stickyHeader, connections: 16, streams: 1, line: 0.75, decided: true,
		},
		{
			name: "json-new", title: "small JSON answer, every request a new visitor", method: http.MethodGet, id: idSmall,
			answer: smallAnswer, sticky: stickyVisitor, connections: 16, streams: 1, decided: true, fresh: true,
		},
		{
			name: "session", title: "small JSON answer, a session that is known", method: http.MethodGet, id: idSmall,
			answer: smallAnswer, sticky: stickyHeader, connections: 16, streams: 1, line: 0.75, session: true,
		},
		{
			name: "session-new", title: "small JSON answer, every request a new session", method: http.MethodGet, id: idSmall,
			answer: smallAnswer, sticky: stickyHeader, connections: 16, streams: 1, session: true, fresh: true,
		},
		{
			name: "shadow", title: "small JSON answer, every answer compared", method: http.MethodGet, id: idSmall,
			answer: smallAnswer, sticky: stickyHeader, connections: 16, streams: 1, line: 0.75, shadow: true,
		},
		{
			name: "100k", title: "100 KiB answer", method: http.MethodGet, id: idLarge,
			answer: largeAnswer, sticky: stickyVisitor, connections: 8, streams: 1, line: 1,
		},
		{
			name: "upload", title: "1 MiB upload", method: http.MethodPut, id: idSmall, upload: uploadLength,
			answer: uploadAnswer, sticky: stickyVisitor, connections: 4, streams: 1, line: 1,
		},
		{
			name: "http2", title: "small JSON answer, HTTP/2 over TLS", method: http.MethodGet, id: idSmall,
			answer: smallAnswer, http2: true, sticky: stickyVisitor, connections: 8, streams: 4, line: 1,
		},
	}
}

// users is how many visitors each crowd has: where flags decide thousands, so that
// the cache of what they say is one.
func (w workload) users() int {
	if w.decided {
		return 4000
	}
	return 1000
}

func workloadNames() []string {
	all := workloads()
	names := make([]string, len(all))
	for i, w := range all {
		names[i] = w.name
	}
	return names
}

// workloadNamed finds a workload; the zero one has no name.
func workloadNamed(name string) workload {
	all := workloads()
	if i := slices.IndexFunc(all, func(w workload) bool { return w.name == name }); i >= 0 {
		return all[i]
	}
	return workload{}
}

// largeText is n bytes of printable text in which no line repeats soon.
func largeText(n int) []byte {
	var b bytes.Buffer
	for state := uint32(1); b.Len() < n; state = state*1664525 + 1013904223 {
		b.WriteByte('!' + byte(state>>16)%90)
	}
	return b.Bytes()[:n]
}
