package proxy

import (
	"strings"
	"testing"

	"golang.org/x/net/http/httpguts"
)

// FuzzValidValue holds values to what http.Transport refuses.
func FuzzValidValue(f *testing.F) {
	for c := range 256 {
		for place := range 9 {
			f.Add(strings.Repeat("a", place) + string([]byte{byte(c)}) + strings.Repeat("\xff", 9-place))
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got, want := validValue([]byte(value)), httpguts.ValidHeaderFieldValue(value); got != want {
			t.Errorf("%q: %v; want %v", value, got, want)
		}
	})
}

// BenchmarkValidValue is what a token of usual length costs.
func BenchmarkValidValue(b *testing.B) {
	token := "Bearer " + strings.Repeat("eyJhbGciOiJF", 38)
	bytes := []byte(token)
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			validValue(bytes)
		}
	})
	b.Run("httpguts", func(b *testing.B) {
		for b.Loop() {
			httpguts.ValidHeaderFieldValue(token)
		}
	})
}
