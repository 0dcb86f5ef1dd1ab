package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
)

// terminal is where a command writes. Whatever it prints was made somewhere
// else (a file, a server, a request), so control characters are escaped: text
// cannot move the cursor, hide itself or change the window's title.
type terminal struct {
	out, err    io.Writer
	colour      bool // out is a terminal and NO_COLOR is not set
	colourErr   bool
	json        bool // --json
	commandPath string
}

func newTerminal(cmd *cobra.Command) *terminal {
	t := &terminal{out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), commandPath: cmd.CommandPath()}
	t.colour, t.colourErr = colourful(t.out), colourful(t.err)
	if flag := cmd.Flags().Lookup("json"); flag != nil {
		t.json, _ = strconv.ParseBool(flag.Value.String())
	}
	return t
}

// colourful says whether colours make sense on w; see no-color.org.
func colourful(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isatty.IsTerminal(file.Fd())
}

// style is an SGR code of ECMA-48.
type style string

const (
	plain  style = ""
	bold   style = "1"
	faint  style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

func paint(on bool, s style, text string) string {
	if !on || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// clean escapes what a terminal could act on: control characters, also those
// of C1, direction marks, and bytes that are not UTF-8.
func clean(text string) string {
	if strings.IndexFunc(text, unprintable) < 0 {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case unprintable(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// line prints one line; the arguments are cleaned, the format is ours.
func (t *terminal) line(format string, args ...any) {
	t.styled(plain, format, args...)
}

func (t *terminal) styled(s style, format string, args ...any) {
	_, _ = fmt.Fprintln(t.out, paint(t.colour, s, clean(fmt.Sprintf(format, args...))))
}

// problem prints to standard error, each line behind a word that says its kind.
func (t *terminal) problem(kind, text string) {
	s := red
	if kind != "error" {
		s = yellow
	}
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		_, _ = fmt.Fprintf(t.err, "%s %s\n", paint(t.colourErr, s, kind+":"), clean(line))
	}
}

// printJSON prints v indented, with a newline at the end. Of the characters that
// a terminal could act on, encoding/json escapes only those of ASCII.
func (t *terminal) printJSON(v any) error { return t.encode(v, "  ") }

// printJSONLine prints v in one line.
func (t *terminal) printJSONLine(v any) error { return t.encode(v, "") }

func (t *terminal) encode(v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	text := make([]byte, 0, b.Len())
	for _, r := range b.String() {
		if r < utf8.RuneSelf || !unprintable(r) {
			text = utf8.AppendRune(text, r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			text = fmt.Appendf(text, `\u%04x`, unit)
		}
	}
	if _, err := t.out.Write(text); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// cell is one field of a table.
type cell struct {
	text  string
	style style
}

func cells(texts ...string) []cell {
	row := make([]cell, len(texts))
	for i, text := range texts {
		row[i].text = text
	}
	return row
}

// table prints rows under a head in columns as wide as their widest cell.
func (t *terminal) table(head []string, rows [][]cell) {
	top := cells(head...)
	for i := range top {
		top[i].style = faint
	}
	rows = append([][]cell{top}, rows...)
	width := make([]int, len(head))
	for _, row := range rows {
		for i := range row {
			row[i].text = clean(row[i].text)
			if row[i].text == "" {
				row[i].text = "-"
			}
			width[i] = max(width[i], utf8.RuneCountInString(row[i].text))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, c := range row {
			b.WriteString(paint(t.colour, c.style, c.text))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		_, _ = fmt.Fprintln(t.out, b.String())
	}
}
