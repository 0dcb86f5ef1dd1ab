package diff_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// TestPlace holds what noise is learned by: elements of a JSON array are alike,
// the parts of a page and the lines of a text are not.
func TestPlace(t *testing.T) {
	t.Parallel()
	c, err := diff.New(diff.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ kind, a, b, place string }{
		{"application/json", `{"items":[{"id":1},{"id":2}]}`, `{"items":[{"id":1},{"id":3}]}`, "$.items[*].id value number→number"},
		{"application/json", `{"17":{"at":1}}`, `{"17":{"at":2}}`, "$.*.at value number→number"},
		{"text/html", "<p>a<p>b", "<p>a<p>c", "$.html[0].body[1].p[1].#text[0] value string→string"},
		{"application/xml", "<a><b>1</b><b>2</b></a>", "<a><b>1</b><b>3</b></a>", "$.a[0].b[1].#text[0] value string→string"},
		{"text/plain", "a\nb\n", "a\nc\n", "$[1] value string→string"},
		{"application/x-ndjson", "{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}\n{\"a\":3}\n", "$[*].a value number→number"},
	} {
		h := http.Header{"Content-Type": {x.kind}}
		r := c.Compare(diff.Answer{Status: 200, Header: h, Body: []byte(x.a)}, diff.Answer{Status: 200, Header: h, Body: []byte(x.b)}, time.Time{})
		if r.Total != 1 || r.Differences[0].Place != x.place {
			t.Errorf("%s: %+v, want %s", x.kind, r.Differences, x.place)
		}
	}
	status := c.Compare(diff.Answer{Status: 200}, diff.Answer{Status: 503}, time.Time{})
	if got := status.Differences[0].Place; got != "status value 200→503" {
		t.Error(got)
	}
}
