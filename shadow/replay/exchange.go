package replay

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/shadow/cases"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

// Limits of what is read.
const (
	MaxBytes     = 256 << 20 // of one source
	MaxExchanges = 100_000
	maxBody      = 8 << 20 // of one answer
)

// Exchange is one request and what is expected.
type Exchange struct {
	// Name says where it is from: a file, an entry.
	Name   string
	Method string
	// Target is path and query. Missing are placeholders in it without a value.
	Target  string
	Missing []string
	Host    string // that was asked; it is not sent
	Header  http.Header
	Body    []byte
	// BodyLost says that the request had a body that is not kept.
	BodyLost bool

	// Either Answer or Case is what is expected; neither when two targets are
	// compared.
	Answer *diff.Answer
	Case   *cases.Case

	place int // among all
}

// safe are the methods that change nothing and have an answer to compare.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// Sent are the headers that are sent without Options.Credentials.
func Sent() []string {
	return []string{"Accept", "Accept-Language", "Content-Type", "Hx-Request", "If-Modified-Since", "If-None-Match", "Range", "X-Requested-With"}
}

// never are headers that belong to a connection (RFC 9110, section 7.6.1), or that
// the client makes itself.
var never = []string{
	"Accept-Encoding", "Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// header is what of the exchange's header is sent.
func (x *Exchange) header(credentials bool) http.Header {
	out := http.Header{}
	for name, values := range x.Header {
		name = textproto.CanonicalMIMEHeaderKey(name)
		if slices.Contains(never, name) || strings.HasPrefix(name, ":") || !credentials && !slices.Contains(Sent(), name) {
			continue
		}
		out[name] = append(out[name], values...)
	}
	return out
}

// compare holds an answer against what is expected.
func (x *Exchange) compare(by *diff.Comparer, got diff.Answer, now time.Time) (diff.Result, cases.Sight) {
	if x.Case != nil {
		result, sight, _ := x.Case.Compare(by, got, now)
		return result, sight
	}
	return by.Compare(*x.Answer, got, now), cases.Whole
}
