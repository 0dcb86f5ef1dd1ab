package replay_test

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/shadow/replay"
)

func entry(method, url string) string {
	return fmt.Sprintf(`{"request":{"method":%q,"url":%q,"headers":[]},"response":{"status":200,"headers":[],"content":{"text":""}}}`, method, url)
}

func harOf(entries ...string) string {
	return `{"log":{"version":"1.2","entries":[` + strings.Join(entries, ",\n") + `]}}`
}

// TestABrowsersFileHasMoreThanHTTP: what is no HTTP is counted and left out, and
// the default port of a scheme says nothing.
func TestABrowsersFileHasMoreThanHTTP(t *testing.T) {
	t.Parallel()
	text := harOf(entry("GET", "https://Shop.example/1"), entry("GET", "https://shop.example:443/2"), entry("GET", "http://shop.example:80/3"),
		entry("GET", "https://shop.example:8443/4"), entry("GET", "wss://shop.example/live"), entry("GET", "ws://shop.example/live"),
		entry("GET", "data:image/png;base64,%zz"), entry("GET", "blob:https://shop.example/1-2"), entry("GET", "chrome-extension://abc/x.js"))
	source, err := replay.Read(file(t, "browser.har", text), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if source.Foreign != 5 || len(source.Exchanges) != 4 {
		t.Fatalf("%d foreign, %v", source.Foreign, source.Exchanges)
	}
	for i := range source.Exchanges {
		want := "shop.example"
		if i == 3 {
			want += ":8443"
		}
		if x := &source.Exchanges[i]; x.Host != want {
			t.Errorf("%s: %s", x.Name, x.Host)
		}
	}
}

// TestReplayedMeansSent: and what is not is counted apart, noted in the order of the
// source, and what is not shown is counted.
func TestReplayedMeansSent(t *testing.T) {
	t.Parallel()
	entries := make([]string, 63)
	for i := range entries {
		entries[i] = entry("POST", fmt.Sprintf("https://shop.example/%d", i+1))
	}
	name := file(t, "posts.har", harOf(entries...))
	result := run(t, replay.Options{Target: start(t, new(service))}, name, true)
	if result.Replayed != 0 || result.NotSent != 63 || result.Exchanges != 63 || result.Clean() || result.Unanswered() {
		t.Errorf("%+v", result)
	}
	var text bytes.Buffer
	if err := replay.Text(&text, result, false); err != nil {
		t.Fatal(err)
	}
	printed := text.String()
	if !strings.Contains(printed, ": nothing was sent; left out 63 (the method may change something); 0 of 63 replayed\n") || !strings.Contains(printed, "\nskipped_unsafe: 43 more\n") {
		t.Error(printed)
	}
	at := 0
	for i := range 20 {
		found := strings.Index(printed[at:], fmt.Sprintf("\nskipped_unsafe entry %d: ", i+1))
		if found < 0 {
			t.Fatalf("entry %d is not behind entry %d\n%s", i+1, i, printed)
		}
		at += found
	}
	down := &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	if result = run(t, replay.Options{Target: down, Unsafe: true}, name, true); !result.Unanswered() || result.Replayed != 63 {
		t.Errorf("%+v", result)
	}
}
