package routes

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func bigDocument(n int) []byte {
	var b strings.Builder
	b.WriteString("targets:\n  monolith: { url: http://127.0.0.1:8000 }\n  faq: { url: http://127.0.0.1:8101 }\nmonolith: monolith\nroutes:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - name: route-%d\n    match: GET /v1/section-%d/page-%d/{id}\n    owner: team-%d\n    service: faq\n    fallback: [connect, 502, 503]\n", i, i%1000, i, i%20)
	}
	return []byte(b.String())
}

func BenchmarkLoad100k(b *testing.B) {
	data := bigDocument(100_000)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, problems := Load("big.yaml", data); len(problems) > 0 {
			b.Fatal(problems[0])
		}
	}
}

func BenchmarkParse100k(b *testing.B) {
	data := bigDocument(100_000)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, problems := Parse("big.yaml", data); len(problems) > 0 {
			b.Fatal(problems[0])
		}
	}
}

func TestExampleIsClean(t *testing.T) {
	data, err := os.ReadFile("../routes.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, problems := Load("routes.example.yaml", data)
	for _, p := range problems {
		t.Error(p)
	}
}
