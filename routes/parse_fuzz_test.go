package routes

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// FuzzParse: whatever the bytes, Parse ends without a panic and says the same
// twice; what it says has a place, a known code and fits on a line; and what it
// accepts, Compile and the schema accept too.
func FuzzParse(f *testing.F) {
	for _, name := range append(documents(f, "problems"), "testdata/all.yaml", "../routes.example.yaml") {
		f.Add(read(f, name))
	}
	schema := compiledSchema(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, problems := Parse("fuzz.yaml", data)
		checkProblems(t, data, problems)
		if (doc == nil) != (problems.Err() != nil) {
			t.Fatalf("document %v with %v", doc, problems)
		}
		_, loaded := Load("fuzz.yaml", data)
		_, again := Load("fuzz.yaml", bytes.Clone(data))
		if !slices.Equal(loaded, again) {
			t.Errorf("not the same twice:\n%v\n%v", loaded, again)
		}
		checkProblems(t, data, loaded)
		if doc == nil {
			return
		}
		if p, ok := findCode(loaded, codeBadRoute); ok {
			t.Errorf("parsed, but not to be compiled: %s", p)
		}
		if err := validate(schema, data); err != nil {
			t.Errorf("parsed, but not of the schema: %v", err)
		}
	})
}

func checkProblems(t *testing.T, data []byte, problems Problems) {
	t.Helper()
	lines := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) + bytes.Count(data, []byte("\u0085")) +
		bytes.Count(data, []byte("\u2028")) + bytes.Count(data, []byte("\u2029")) + 1
	for _, p := range problems {
		if p.Line < 1 || p.Line > lines || p.Column < 1 {
			t.Errorf("no place in %d lines: %s", lines, p)
		}
		if severityOf[p.Code] != p.Severity || p.Message == "" || p.File != "fuzz.yaml" {
			t.Errorf("not a problem: %+v", p)
		}
		if text := p.String(); strings.ContainsFunc(text, isHidden) {
			t.Errorf("not one line: %q", text)
		}
	}
}
