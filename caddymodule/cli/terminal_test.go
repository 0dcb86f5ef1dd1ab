package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestCleanEscapesWhatATerminalActsOn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain: 25 % → ok":    "plain: 25 % → ok",
		"\x1b]0;owned\x07":    `\x1b]0;owned\a`,
		"a\x1b[2Jb":           `a\x1b[2Jb`,
		"line\nbreak\r\ttab":  `line\nbreak\r\ttab`,
		"c1 \u009b31m":        `c1 \u009b31m`,
		"turned \u202etxt":    `turned \u202etxt`,
		"bad \xff\xfe bytes":  `bad \xff\xfe bytes`,
		"\ufffd itself":       `\ufffd itself`,
		"zero\u200bwidth\x00": `zero\u200bwidth\x00`,
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[2J\u202e\xff\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := clean(text)
		if !utf8.ValidString(got) || strings.IndexFunc(got, unprintable) >= 0 {
			t.Errorf("clean(%q) = %q", text, got)
		}
	})
}

func TestTableAlignsAndColours(t *testing.T) {
	t.Parallel()
	rows := [][]cell{{{text: "ä\x1b"}, {text: "", style: red}}, {{text: "longer"}, {text: "on", style: red}}}
	for colour, want := range map[bool]string{
		false: "NAME    STATE\nä\\x1b   -\nlonger  on\n",
		true:  "\x1b[2mNAME\x1b[0m    \x1b[2mSTATE\x1b[0m\nä\\x1b   \x1b[31m-\x1b[0m\nlonger  \x1b[31mon\x1b[0m\n",
	} {
		var out bytes.Buffer
		terminal := &terminal{out: &out, colour: colour}
		terminal.table([]string{"NAME", "STATE"}, rows)
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("colour %t: -want +got\n%s", colour, diff)
		}
	}
}

func TestJSONEscapesWhatATerminalActsOn(t *testing.T) {
	t.Parallel()
	given := "a\x1b[2J \u009b31m \u202e ü → \U000e0001 <&>"
	var out bytes.Buffer
	if err := (&terminal{out: &out}).printJSON(given); err != nil {
		t.Fatal(err)
	}
	if want := `"a\u001b[2J \u009b31m \u202e ü → \udb40\udc01 <&>"` + "\n"; out.String() != want {
		t.Errorf("got %s, want %s", &out, want)
	}
	var back string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != given {
		t.Errorf("%q, %v", back, err)
	}
}
