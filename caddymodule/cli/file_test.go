package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is said of a file that cannot be written is about the file that was asked for.
func TestAnOutputThatCannotBeWrittenIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := replace(file, []byte("old")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		filepath.Join(dir, "none", "report"): "there is no folder " + filepath.Join(dir, "none"),
		filepath.Join(file, "report"):        "not a directory",
		dir:                                  "exists",
	} {
		err := replace(name, []byte("new"))
		if err == nil || !strings.Contains(err.Error(), `--output "`+name+`" cannot be written`) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "/.") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
