package testbed

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/strangler-proxy/strangler/internal/process"
)

//go:embed apps/rails/app.rb
var railsApp []byte

// Rails is a small real Rails monolith with Devise; apps/rails/app.rb says what
// it has.
type Rails struct {
	*Program
	// Database is its SQLite file.
	Database string
}

// StartRails starts the Rails monolith on a new database. Settings change those
// at the top of app.rb.
func StartRails(tb testing.TB, settings map[string]any) *Rails {
	tb.Helper()
	ruby, app, environment := RailsApp(tb, settings)
	address := freeAddress(tb)
	command := process.Command{Name: "the rails monolith", Path: ruby, Args: []string{app, address}, Dir: filepath.Dir(app), Env: environment}
	return &Rails{
		Program:  start(tb, address, command, answers("http://"+address+"/whoami")),
		Database: filepath.Join(filepath.Dir(app), "monolith.sqlite3"),
	}
}

// RailsApp answers how a test runs the Rails monolith by other means: the
// interpreter, the application's file, alone in its folder with the database
// monolith.sqlite3, and the environment it needs.
func RailsApp(tb testing.TB, settings map[string]any) (ruby, app string, environment []string) {
	tb.Helper()
	ruby, err := findRails()
	if err != nil {
		missing(tb, err)
	}
	dir := tb.TempDir()
	app = filepath.Join(dir, "app.rb")
	must(tb, os.WriteFile(app, railsApp, 0o600))
	text, err := json.Marshal(settings)
	must(tb, err)
	if settings == nil {
		text = []byte("{}")
	}
	return ruby, app, []string{"SETTINGS=" + string(text), "RAILS_DB=" + filepath.Join(dir, "monolith.sqlite3")}
}

// findRails finds a Ruby that has what the application requires.
var findRails = sync.OnceValues(func() (string, error) {
	ruby, err := exec.LookPath("ruby")
	if err != nil {
		return "", errors.New("ruby is not here; tools/deps.sh installs it")
	}
	const needs = `%w[railties activerecord devise sqlite3 puma redis-actionpack].each { |name| gem name }`
	if out, err := exec.CommandContext(context.Background(), ruby, "-e", needs).CombinedOutput(); err != nil { // #nosec G204 -- found in the path
		return "", fmt.Errorf("ruby lacks a part that tools/deps.sh installs: %w: %s", err, out)
	}
	return ruby, nil
})
