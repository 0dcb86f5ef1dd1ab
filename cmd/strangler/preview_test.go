package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// visit is visit N URL FILE: N visitors, each with an X-User, ask for a page of
// their own below URL. The file says which target answered each, as it said so
// itself.
func visit(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: visit N URL FILE")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var lines strings.Builder
	for i := range n {
		text, err := ask([]string{"-H", fmt.Sprint("X-User: u", i), args[1] + strconv.Itoa(i)})
		ts.Check(err)
		_, body, _ := strings.Cut(text, "| ")
		_, _ = fmt.Fprintln(&lines, body) // TARGET /PATH
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(lines.String()), 0o600))
}

// foretold is foretold PREVIEW BEFORE AFTER: the visitors of whom two runs of
// visit say that another target answers are those that the preview, as JSON,
// names, and as many as it counts.
func foretold(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: foretold PREVIEW BEFORE AFTER")
	}
	var preview struct {
		Considered int `json:"considered"`
		ToService  int `json:"to_service"`
		ToMonolith int `json:"to_monolith"`
		Unknown    int `json:"unknown"`
		Examples   []struct {
			Method, Path string
			To           struct{ Arm string }
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &preview))
	var said, seen []string
	for _, x := range preview.Examples {
		if x.Method != http.MethodGet {
			ts.Fatalf("method %s", x.Method)
		}
		said = append(said, x.To.Arm+" "+x.Path)
	}
	before := strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), "\n")
	toService := 0
	for i, line := range strings.Split(strings.TrimSpace(ts.ReadFile(args[2])), "\n") {
		if line == before[i] {
			continue
		}
		seen = append(seen, line)
		if strings.HasPrefix(line, "service ") {
			toService++
		}
	}
	// The same visitors may have come more than once.
	slices.Sort(said)
	rounds := len(said) / max(len(seen), 1)
	said = slices.Compact(said)
	slices.Sort(seen)
	if len(seen) == 0 || !slices.Equal(said, seen) {
		ts.Fatalf("foretold %d: %q\nseen %d: %q", len(said), said, len(seen), seen)
	}
	if preview.ToService != rounds*toService || preview.ToMonolith != rounds*(len(seen)-toService) || preview.Unknown != 0 {
		ts.Fatalf("%+v, seen %d to the service, %d to the monolith", preview, toService, len(seen)-toService)
	}
	_, _ = fmt.Fprintf(ts.Stdout(), "%d of %d requests of %d visitors\n", len(preview.Examples), preview.Considered, len(seen))
}
