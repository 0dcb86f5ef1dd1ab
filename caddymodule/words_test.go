package caddymodule

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"routes", "store", "flags"}
	for word, want := range map[string]string{
		"route": "routes", "rotues": "routes", "sotre": "store", "stores": "store",
		"": "", "percentage": "", "x": "", "identity": "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}
