package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestReferenceSaysWhatTheDefinitionsSay(t *testing.T) {
	t.Parallel()
	for _, p := range pages {
		want, err := p.render()
		if err != nil {
			t.Error(err)
			continue
		}
		got, err := os.ReadFile(filepath.Join("../../docs/reference", p.file))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("docs/reference/%s differs; run: go generate ./cmd/docgen", p.file)
		}
	}
}
