package replay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/shadow/cases"
	"github.com/strangler-proxy/strangler/shadow/diff"
	"github.com/strangler-proxy/strangler/shadow/replay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers what a monolith answers, with a bug where it is told to.
type service struct {
	mu   sync.Mutex
	seen []*http.Request
	bug  bool
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	votes := any(3)
	if s.bug {
		votes = "3"
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"id": 7, "title": "How?", "votes": votes, "tags": []string{"a", "b"}})
}

func start(t *testing.T, h http.Handler) *url.URL {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	parsed, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func run(t *testing.T, o replay.Options, from string, answers bool) *replay.Result {
	t.Helper()
	source, err := replay.Read(from, map[string]string{"id": "7"}, answers)
	if err != nil {
		t.Fatal(err)
	}
	o.Now, o.Timeout, o.Concurrency = time.Now, 10*time.Second, 3
	result, err := replay.Run(t.Context(), o, source.Exchanges)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range result.Verdicts {
		total += n
	}
	if total != result.Replayed+result.NotSent {
		t.Errorf("%v do not add up to %d and %d", result.Verdicts, result.Replayed, result.NotSent)
	}
	return result
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const kept = `{"version":1,"route":"faq","signature":"%s","id":"c-1","at":"2026-05-04T09:30:00Z",
"request":{"method":"GET","target":"%s","header":[{"name":"Accept","value":"application/json"}]},
"expected":{"status":200,"type":"application/json","size":60,"body":{"id":"<number>","title":"<string>","votes":"%s","tags":["<string>","<1 more>"]}}%s}`

// TestCases: a bug that changes a type is found by a case without any value, and
// what cannot be seen or sent is never equal.
func TestCases(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		target, votes, more string
		bug                 bool
		want                replay.Verdict
		clean               bool
	}{
		"right":       {"/v1/faq/{id}", "<number>", "", false, replay.EqualRedacted, true},
		"the bug":     {"/v1/faq/{id}", "<number>", "", true, replay.Different, false},
		"in clear":    {"/v1/faq/{id}", "4", "", false, replay.Different, false},
		"a rule":      {"/v1/faq/{id}", "4", `,"rules":[{"path":"$.votes","compare":"ignore","because":"b","owner":"o"}]`, false, replay.EqualRedacted, true},
		"blind":       {"/v1/faq/{id}", "<number>", `,"redacted":["$.title"]`, false, replay.Undecided, false},
		"placeholder": {"/v1/faq/{slug}", "<number>", "", false, replay.SkippedIncomplete, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &service{bug: test.bug}
			result := run(t, replay.Options{Target: start(t, s)}, file(t, "one.json", fmt.Sprintf(kept, "$.votes", test.target, test.votes, test.more)), true)
			if result.Verdicts[test.want] != 1 || result.Clean() != test.clean {
				t.Errorf("%+v, clean %v", result, result.Clean())
			}
			if test.want == replay.Different && (len(result.Signatures) != 1 || !strings.HasPrefix(result.Signatures[0].Signature, "$.votes ")) {
				t.Errorf("%+v", result.Signatures)
			}
			for _, r := range s.seen {
				if r.URL.Path != "/v1/faq/7" || r.Header.Get("Accept") != "application/json" {
					t.Errorf("asked %s %v", r.URL, r.Header)
				}
			}
		})
	}
}

// The headline says what the numbers behind it are not of.
func TestHeadlineSaysWhatIsLeftOutAndWhy(t *testing.T) {
	t.Parallel()
	for want, verdicts := range map[string]map[replay.Verdict]int{
		"http://faq: equal, 3 of 3 replayed":                                               {replay.Equal: 2, replay.EqualByRule: 1},
		"http://faq: equal as far as is known, 3 of 3 replayed":                            {replay.Equal: 2, replay.EqualRedacted: 1},
		"http://faq: equal; left out 2 (the method may change something); 1 of 3 replayed": {replay.Equal: 1, replay.SkippedUnsafe: 2},
		"http://faq: nothing was sent; left out 3 (something of the request is redacted or not kept); 0 of 3 replayed": {
			replay.SkippedIncomplete: 3,
		},
		"http://faq: not shown to be equal; left out 1 (something of the request is redacted or not kept), undecided 2 (what differed is redacted); 2 of 3 replayed": {
			replay.SkippedIncomplete: 1, replay.Undecided: 2,
		},
	} {
		unsent := verdicts[replay.SkippedIncomplete] + verdicts[replay.SkippedUnsafe]
		result := &replay.Result{Target: "http://faq", Exchanges: 3, Replayed: 3 - unsent, NotSent: unsent, Verdicts: verdicts}
		var text strings.Builder
		if err := replay.Text(&text, result, false); err != nil {
			t.Fatal(err)
		}
		if got, _, _ := strings.Cut(text.String(), "\n"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

const session = `{"log":{"version":"1.2","entries":[
{"request":{"method":"GET","url":"https://www.example.com/v1/faq/7?token=hunter2","headers":[{"name":":method","value":"GET"},{"name":"Cookie","value":"sessionid=hunter2"},{"name":"authorization","value":"Bearer hunter2"},{"name":"Accept","value":"application/json"}]},
 "response":{"status":200,"headers":[{"name":"Content-Type","value":"application/json"},{"name":"Content-Encoding","value":"gzip"}],"content":{"size":1,"mimeType":"application/json","text":"{\"id\":7,\"title\":\"How?\",\"votes\":3,\"tags\":[\"a\",\"b\"]}"}}},
{"request":{"method":"GET","url":"https://www.example.com/v1/faq/8","headers":[]},
 "response":{"status":200,"headers":[{"name":"Content-Type","value":"application/json"}],"content":{"size":9,"encoding":"base64","text":"eyJzZWNyZXQiOiJodW50ZXIyIn0="}}},
{"request":{"method":"POST","url":"https://www.example.com/v1/faq/","headers":[],"postData":{"mimeType":"application/json","text":"{}"}},"response":{"status":201,"headers":[],"content":{"size":0}}},
{"request":{"method":"GET","url":"https://www.example.com/aborted","headers":[]},"response":{"status":0,"headers":[],"content":{}}},
{"request":{"method":"GET","url":"https://www.example.com/v1/faq/9","headers":[]},"response":{"status":200,"headers":[{"name":"Content-Type","value":"application/json"}],"content":{"size":99}}}
]}}`

// TestHAR: what is safe is asked and compared; no secret of the file is sent, or
// in a result, unless asked for.
func TestHAR(t *testing.T) {
	t.Parallel()
	s := new(service)
	target := start(t, s)
	name := file(t, "session.har", "\ufeff"+session)
	result := run(t, replay.Options{Target: target}, name, true)
	want := map[replay.Verdict]int{replay.Equal: 1, replay.Different: 1, replay.SkippedUnsafe: 1, replay.NotComparable: 1}
	if fmt.Sprint(result.Verdicts) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", result.Verdicts, want)
	}
	var text bytes.Buffer
	if err := replay.Text(&text, result, false); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	if printed := text.String() + string(data); strings.Contains(printed, "hunter2") {
		t.Error(printed)
	}
	for _, r := range s.seen {
		if r.Method != http.MethodGet || r.Header.Get("Cookie")+r.Header.Get("Authorization") != "" {
			t.Errorf("sent %s %v", r.Method, r.Header)
		}
	}
	s.seen = nil
	run(t, replay.Options{Target: target, Credentials: true, Unsafe: true, Values: true, Header: http.Header{"X-Test": {"1"}}}, name, true)
	sent := map[string]bool{}
	for _, r := range s.seen {
		sent[r.Method+" "+r.Header.Get("Cookie")+" "+r.Header.Get("X-Test")] = true
	}
	if !sent["GET sessionid=hunter2 1"] || !sent["POST  1"] {
		t.Error(sent)
	}
}

// TestRecordedAndAgainst: recorded messages, and two targets that are asked the
// same.
func TestRecordedAndAgainst(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"001.request.http":  "GET /v1/faq/7 HTTP/1.1\r\nHost: example.com\r\n\r\n",
		"001.response.http": "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 49\r\n\r\n" + `{"id":7,"title":"How?","votes":3,"tags":["a","b"]}`[:49],
		"002.request.http":  "GET /v1/faq/8 HTTP/1.1\r\nHost: example.com\r\n\r\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	right, wrong := start(t, new(service)), start(t, &service{bug: true})
	if _, err := replay.Read(folder, nil, true); err == nil || !strings.Contains(err.Error(), "002.response.http") {
		t.Error(err)
	}
	result := run(t, replay.Options{Target: right, Against: right}, folder, false)
	if result.Verdicts[replay.Equal] != 2 || !result.Clean() {
		t.Errorf("%+v", result)
	}
	result = run(t, replay.Options{Target: wrong, Against: right}, folder, false)
	if len(result.Signatures) != 1 || result.Signatures[0].Count != 2 || result.Signatures[0].Signature != "$.votes type number→string" {
		t.Errorf("%+v", result)
	}
	if result = run(t, replay.Options{Target: wrong, Against: right, Compare: &diff.Options{Rules: []diff.Rule{{Path: "$.votes", Compare: "number_as_string", Because: "b", Owner: "o"}}}}, folder, false); result.Verdicts[replay.EqualByRule] != 2 {
		t.Errorf("%+v", result)
	}
	if err := os.Remove(filepath.Join(folder, "002.request.http")); err != nil {
		t.Fatal(err)
	}
	if result = run(t, replay.Options{Target: right}, folder, true); result.Verdicts[replay.Different] != 1 { // cut short: no JSON
		t.Errorf("%+v", result)
	}
}

// TestInterruptedResultSaysWhatWasDone and no answer is no success.
func TestInterruptedResultSaysWhatWasDone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := new(service)
	o := replay.Options{Target: start(t, s), Now: time.Now, Timeout: time.Minute, Done: func(replay.Outcome) { cancel() }}
	source, err := replay.Read(file(t, "a.har", session), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	result, err := replay.Run(ctx, o, source.Exchanges)
	if err != nil || !result.Interrupted || result.Replayed == 0 || result.Replayed == len(source.Exchanges) || result.Clean() {
		t.Errorf("%+v %v", result, err)
	}
	down := run(t, replay.Options{Target: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}, file(t, "b.har", session), true)
	if down.Verdicts[replay.Failed] != 3 || down.Clean() {
		t.Errorf("%+v", down)
	}
	var text bytes.Buffer
	if err := replay.Text(&text, down, false); err != nil || strings.Contains(text.String(), "hunter2") {
		t.Error(text.String(), err)
	}
}

// TestBadSources are errors that name the place.
func TestBadSources(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{`:                      "no HAR file",
		`{}`:                     "it has no log",
		`{"log":{"entries":[]}}`: "nothing to replay",
		strings.Replace(session, "https://www.example.com/v1/faq/8", "/hunter2/", 1):            "entry 2 of the HAR file: its url",
		strings.Replace(session, `{"request":{"method":"POST"`, `{"other":{"method":"POST"`, 1): "entry 3 of the HAR file: it has no request",
		`{"log":{"entries":[{"request":{"method":"GET","url":"ws://hunter2"}}]}}`:               "nothing to replay: 0 entries had no answer, 1 are no HTTP",
		strings.Replace(session, `"base64"`, `"gzip"`, 1):                                       "entry 2 of the HAR file: its content",
	} {
		if _, err := replay.Read(file(t, "x.har", text), nil, true); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for text, want := range map[string]string{
		fmt.Sprintf(kept, "s", "/", "1", "") + "\n{\"version\":2}": "line ",
		`{"version":1,"unknown":1}`:                                "unknown field",
		fmt.Sprintf(kept, "s", "http://elsewhere/", "1", ""):       "does not begin with /",
	} {
		if _, err := replay.Read(file(t, "x.jsonl", strings.ReplaceAll(text, ",\n", ",")), nil, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := cases.Parse([]byte(`{"version":9}`)); err == nil || !strings.Contains(err.Error(), "version 9") {
		t.Error(err)
	}
}

// FuzzHAR: foreign bytes are an error or exchanges that can be shown and sent.
func FuzzHAR(f *testing.F) {
	f.Add([]byte(session))
	f.Add([]byte(`{"log":{"entries":[{"request":{"method":"\n","url":"http://a/%zz?=&="},"response":{"status":200}}]}}`))
	f.Add([]byte(`{"log":{"entries":[{"request":{"method":"GET","url":"http://a//b","headers":[{"name":"A\r\nB","value":"\u0000"}]},"response":{"status":999999}}]}}`))
	client := roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(r.URL.RequestURI())), Request: r}, nil
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		source, err := replay.Read(file(t, "fuzz.har", string(data)), nil, true)
		if err != nil {
			return
		}
		exchanges := source.Exchanges
		o := replay.Options{Target: &url.URL{Scheme: "http", Host: "h"}, Now: time.Now, Timeout: time.Second, Transport: client, Unsafe: true}
		result, err := replay.Run(t.Context(), o, exchanges)
		if err != nil || result.Replayed+result.NotSent != len(exchanges) {
			t.Fatalf("%+v %v", result, err)
		}
		if err := replay.Text(io.Discard, result, true); err != nil {
			t.Fatal(err)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "h" {
		return nil, fmt.Errorf("asked %s", r.URL.Host)
	}
	return f(r)
}
