package flags

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const targeted = `{
  "flags": {
    "tickets": {
      "state": "ENABLED",
      "variants": {"service": true, "monolith": false},
      "defaultVariant": "monolith",
      "targeting": {"if": [
        {"ends_with": [{"var": "targetingKey"}, "@example.com"]}, "service",
        {"==": [{"var": "headers.x-beta"}, "1"]}, "service",
        null
      ]}
    },
    "off":     {"state": "DISABLED", "variants": {"a": true}, "defaultVariant": "a"},
    "text":    {"state": "ENABLED", "variants": {"a": "x"}, "defaultVariant": "a"},
    "broken":  {"state": "ENABLED", "variants": {"a": true}, "defaultVariant": "a", "targeting": {"if": [true, "nobody"]}}
  }
}`

func TestFileRules(t *testing.T) {
	t.Parallel()
	path := flagFile(t, targeted)
	e := start(t, Options{Sources: []Source{FlagdFile(path)}})
	source := "flagd_file " + path
	for _, test := range []struct {
		flag, key string
		beta      string
		want      Answer
	}{
		{"tickets", "ann@example.com", "", Answer{Value: true, Variant: "service", Reason: "TARGETING_MATCH", Source: source}},
		{"tickets", "bob@example.org", "", Answer{Variant: "monolith", Reason: "DEFAULT", Source: source}},
		{"tickets", "bob@example.org", "1", Answer{Value: true, Variant: "service", Reason: "TARGETING_MATCH", Source: source}},
		{"tickets", "", "", Answer{Variant: "monolith", Reason: "DEFAULT", Source: source}},
		{"off", "ann", "", Answer{Reason: "DISABLED", Source: source}},
		{"text", "ann", "", Answer{Reason: "ERROR", Err: ErrTypeMismatch, Source: source}},
		{"broken", "ann", "", Answer{Reason: "ERROR", Err: ErrGeneral, Source: source}},
		{"missing", "ann", "", Answer{Reason: "ERROR", Err: ErrFlagNotFound, Source: source}},
	} {
		var attributes []Attribute
		if test.beta != "" {
			attributes = []Attribute{{"headers.x-beta", test.beta}}
		}
		for _, time := range []string{"first", "second"} {
			if diff := cmp.Diff(test.want, decide(t, e, test.flag, test.key, attributes...)); diff != "" {
				t.Errorf("%s of %s, %s time: %s", test.flag, test.key, time, diff)
			}
		}
	}
	status := e.Status()
	if status.Answers["TARGETING_MATCH"] != 4 || status.Answers["DEFAULT"] != 4 || status.Answers["DISABLED"] != 2 ||
		status.Errors["TYPE_MISMATCH"] != 2 || status.Errors["FLAG_NOT_FOUND"] != 2 || status.Errors["GENERAL"] != 2 {
		t.Errorf("counts: %v, %v", status.Answers, status.Errors)
	}
	// The broken rule's answer is kept for Options.Retry only, the others for good.
	if status.Cache.Misses != 8 || status.Cache.Hits != 8 || status.Cache.Entries != 8 {
		t.Errorf("cache: %+v", status.Cache)
	}
}

func TestFileEditedByHand(t *testing.T) {
	t.Parallel()
	path := flagFile(t, onOff)
	e := start(t, Options{Sources: []Source{FlagdFile(path)}})
	is := func(value bool) func() bool {
		return func() bool { a := decide(t, e, "tickets", "ann"); return a.Err == "" && a.Value == value }
	}
	if !is(true)() {
		t.Fatalf("at first: %+v", decide(t, e, "tickets", "ann"))
	}
	off := strings.Replace(onOff, `"defaultVariant": "on"`, `"defaultVariant": "off"`, 1)
	write(t, path, off)
	within(t, time.Second, "an edit in place is in force", is(false))

	// As editors do it, and Kubernetes.
	whole := filepath.Join(filepath.Dir(path), "new")
	write(t, whole, onOff)
	if err := os.Rename(whole, path); err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, "a file that replaces it is in force", is(true))

	// The name, its line and the reason are in the error; the old flags stay.
	write(t, path, strings.Replace(off, `"off"}`, `"nobody"}`, 1))
	within(t, 5*time.Second, "a bad edit is shown", func() bool { return e.Status().Sources[0].Refused != "" })
	if refused := e.Status().Sources[0].Refused; !strings.Contains(refused, "nobody") || !strings.Contains(refused, "tickets") {
		t.Errorf("refused: %s", refused)
	}
	if !is(true)() {
		t.Error("a bad edit changed the flags")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	within(t, time.Second, "a file that is gone is shown", func() bool { return strings.Contains(e.Status().Sources[0].Refused, "no such file") })
	if !is(true)() {
		t.Error("a file that is gone took the flags with it")
	}
	write(t, path, off)
	within(t, time.Second, "a good edit is in force again", is(false))
	if source := e.Status().Sources[0]; source.Refused != "" || source.State != "READY" {
		t.Errorf("after a good edit: %+v", source)
	}
}

func TestBadFileIsRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, want string }{
		{"syntax", "{\n  \"flags\": {\n    \"a\": {,\n  }\n}", "line 3, column 11: invalid character ','"},
		{"cut short", "{\n  \"flags\": {", "line 2, column 12: unexpected end of JSON input"},
		{"empty", "", "line 1, column 1: unexpected end of JSON input"},
		{"no object", "[]", "line 1: an object is expected"},
		{"state", "{\n  \"flags\": {\n    \"a\": {\n      \"state\": \"ON\",\n      \"variants\": {\"on\": true},\n      \"defaultVariant\": \"on\"\n    }\n  }\n}", "line 4: flags.a.state: value must be one of 'ENABLED', 'DISABLED'"},
		{"twice", "{\n  \"flags\": {\n    \"a\": {\"state\": \"ENABLED\", \"variants\": {\"on\": true}, \"defaultVariant\": \"on\"},\n    \"a\": {\"state\": \"ENABLED\", \"variants\": {\"on\": true}, \"defaultVariant\": \"on\"}\n  }\n}", "line 4: the flag a is there already, on line 3"},
		{"operator", "{\n \"flags\": {\"a\": {\"state\": \"ENABLED\", \"variants\": {\"on\": true}, \"defaultVariant\": \"on\",\n \"targeting\": {\"if\": [\n {\"nonsense\": 1},\n \"on\"]}}}}", "line 4: flags.a.targeting.if.0: additional properties 'nonsense' not allowed"},
		{"mixed", `{"flags": {"a": {"state": "ENABLED", "variants": {"on": true, "off": "no"}, "defaultVariant": "on"}}}`, "flags.a.variants.off: got string, want boolean"},
		{"name", `{"flagz": {}}`, "missing property 'flags'"},
		{"variant", `{"flags": {"a": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "off"}}}`, "default variant: 'off' isn't a valid variant of flag: 'a'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := flagFile(t, test.text)
			_, err := New(Options{Sources: []Source{FlagdFile(path)}})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
	if _, err := New(Options{Sources: []Source{FlagdFile(filepath.Join(t.TempDir(), "none"))}}); err == nil {
		t.Error("a file that is not there is no error")
	}
}
