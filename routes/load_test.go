package routes

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestExampleIsClean: what people copy has no error, no finding and a schema
// that their editor finds.
func TestExampleIsClean(t *testing.T) {
	t.Parallel()
	data := read(t, "../routes.example.yaml")
	_, problems := Load("routes.example.yaml", data)
	for _, p := range problems {
		t.Error(p)
	}
	if err := validate(compiledSchema(t), data); err != nil {
		t.Error(err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	path, found := strings.CutPrefix(string(line), "# yaml-language-server: $schema=./")
	if _, err := os.Stat("../" + path); !found || err != nil {
		t.Errorf("the first line names no schema: %q, %v", line, err)
	}
}

// bigDocument has n routes as people write them.
func bigDocument(n int) []byte {
	var b strings.Builder
	b.WriteString("targets:\n  monolith: { url: http://127.0.0.1:8000 }\n  faq: { url: http://127.0.0.1:8101 }\nmonolith: monolith\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - name: route-%d\n    match: GET /v1/section-%d/page-%d/{id}\n    owner: team-%d\n    service: faq\n    fallback: [connect, 502, 503]\n", i, i%1000, i, i%20)
	}
	return []byte(b.String())
}

// BenchmarkLoad is the way from bytes to a table; 100,000 routes are to take
// less than two seconds.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		data := bigDocument(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, problems := Load("big.yaml", data); len(problems) > 0 {
					b.Fatal(problems[0])
				}
			}
		})
		b.Run(fmt.Sprint(n, "/parse"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, problems := Parse("big.yaml", data); len(problems) > 0 {
					b.Fatal(problems[0])
				}
			}
		})
	}
}
