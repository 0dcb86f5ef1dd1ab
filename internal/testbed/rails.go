package testbed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/strangler-proxy/strangler/internal/process"
)

// RailsApp is apps/rails and where its users are.
type RailsApp struct {
	*Program
	// Database is its SQLite file, with the table users: id, email,
	// encrypted_password, admin, locked_at.
	Database string
}

// Rails starts apps/rails with Devise's own pages: the form GET and POST
// /users/sign_in with the fields user[email] (alice@example.com, whose ID is 1, or
// bob@example.com, 2), user[password] ("password") and the form's
// authenticity_token; GET /users/sign_out; GET /who, which answers {"by": "rails",
// "user": ID or null}; and GET /, a page that says who. Settings change those at
// the top of app.rb; the secret_key_base is AppSecret.
func Rails(tb testing.TB, settings map[string]any) RailsApp {
	tb.Helper()
	command, database := RailsCommand(tb, settings)
	address := freeAddress(tb)
	command.Name, command.Args = "the Rails application", append(command.Args, address)
	return RailsApp{start(tb, address, command, answers("http://"+address+"/who")), database}
}

// RailsCommand answers how a test loads apps/rails by other means: the
// interpreter, the application's file as the only argument, and the environment
// it needs.
func RailsCommand(tb testing.TB, settings map[string]any) (command process.Command, database string) {
	tb.Helper()
	ruby, err := findRails()
	if err != nil {
		missing(tb, err)
	}
	apps, err := appsFolder()
	must(tb, err)
	text, err := json.Marshal(settings)
	must(tb, err)
	if settings == nil {
		text = []byte("{}")
	}
	dir := tb.TempDir()
	database = filepath.Join(dir, "rails.sqlite3")
	return process.Command{
		Path: ruby, Args: []string{filepath.Join(apps, "rails", "app.rb")}, Dir: dir,
		Env: []string{"SETTINGS=" + string(text), "RAILS_DB=" + database, "SECRET_KEY_BASE=" + AppSecret},
	}, database
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
