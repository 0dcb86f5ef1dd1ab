package routes

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// update rewrites the expected texts and schema.json; go generate sets it.
var update = flag.Bool("update", false, "write what the tests expect anew")

// TestProblemsOfDocuments compares all that Load says of each document in
// testdata/problems with the text beside it.
func TestProblemsOfDocuments(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, name := range documents(t, "problems") {
		_, problems := Load(filepath.Base(name), read(t, name))
		var lines strings.Builder
		for _, p := range problems {
			seen[p.Code] = true
			if want := severityOf[p.Code]; p.Severity != want {
				t.Errorf("%s: severity is not %q", p, want)
			}
			lines.WriteString(p.String() + "\n")
		}
		golden(t, strings.TrimSuffix(name, ".yaml")+".txt", lines.String())
	}
	for _, code := range Codes() {
		// Too large and too many are in tests of their own; bad-route is of
		// documents that were not parsed; the rest is found elsewhere.
		elsewhere := []string{codeTooLarge, codeTooManyProblems, codeBadRoute, CodeUnreadable, CodeUnusableTarget, CodeNoTargetBlock, CodeNoIdentity, CodeNotRead, CodeNoLogin, CodeNoDjango, CodeRuleExpired}
		if !seen[code.Name] && !slices.Contains(elsewhere, code.Name) {
			t.Errorf("no document shows %s", code.Name)
		}
	}
}

// golden compares text with a file, or writes it there.
func golden(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(read(t, name)), text); diff != "" {
		t.Errorf("%s differs; if the new text is right, run go test -update (-want +got):\n%s", name, diff)
	}
}

// documents are the YAML files of a folder in testdata.
func documents(tb testing.TB, folder string) []string {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	if err != nil || len(names) == 0 {
		tb.Fatalf("no documents in %s: %v", folder, err)
	}
	return names
}

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
