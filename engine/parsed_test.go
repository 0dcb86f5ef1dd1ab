package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A table that was checked is put in force as it is, unless its file changed.
func TestParsedTableIsNotReadTwice(t *testing.T) {
	t.Parallel()
	for name, changed := range map[string]bool{"the same": false, "changed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "routes.yaml")
			text := "targets: { old: { url: http://127.0.0.1:1 } }\nmonolith: old\nroutes: []\n"
			must(t, os.WriteFile(path, []byte(text), 0o600))
			parsed, err := Parse(path, time.Now())
			must(t, err)
			table := parsed.table
			if changed {
				must(t, os.WriteFile(path, []byte(text+"# more\n"), 0o600))
			}
			e := newBed(t, "", func(_ *bed, o *Options) { o.Parsed = parsed }).Engine
			must(t, e.Watch(path))
			if same := e.Table() == table; same == changed {
				t.Errorf("the parsed table is in force: %t, want %t", same, !changed)
			}
			if e.options.Parsed != nil {
				t.Error("the parsed table is kept")
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "routes.yaml")
	if _, err := Parse(path, time.Now()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("without a file: %v", err)
	}
	must(t, os.WriteFile(path, []byte("targets: {}\n"), 0o600))
	var refused *RefusedError
	if _, err := Parse(path, time.Now()); !errors.As(err, &refused) || refused.Problems.Err() == nil {
		t.Errorf("a bad table: %v", err)
	}
}
