package testbed

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Laravel starts a small monolith of Laravel's own classes (apps/laravel): its
// encrypted cookies, sessions, guard and users. Settings are those of config/, by
// their names with dots, such as session.driver; see [LaravelSettings]. GET /who
// answers the user's ID, or nothing; POST /login takes name (alice is user 1, bob
// 2), password (secret) and maybe remember, POST /logout signs out. Its key is 32
// times k.
func Laravel(tb testing.TB, settings map[string]any) *Program {
	tb.Helper()
	RequireLaravel(tb)
	return startPHP(tb, "laravel", map[string]string{"display_errors": "0"}, []string{LaravelEnv(tb, settings)})
}

// LaravelSettings are settings with an SQLite database and session files in a
// folder, and others over them.
func LaravelSettings(dir string, others map[string]any) map[string]any {
	all := map[string]any{
		"session.files": dir,
		"database.connections": map[string]any{"main": map[string]any{
			"driver": "sqlite", "database": filepath.Join(dir, "db.sqlite3"), "prefix": "",
		}},
	}
	maps.Copy(all, others)
	if config, ok := all["database.connections"].(map[string]any)["main"].(map[string]any); ok && config["driver"] == "sqlite" {
		if f, err := os.OpenFile(config["database"].(string), os.O_CREATE, 0o600); err == nil {
			_ = f.Close() // Laravel wants it to be there
		}
	}
	return all
}

// LaravelEnv answers the environment that gives apps/laravel its settings.
func LaravelEnv(tb testing.TB, settings map[string]any) string {
	tb.Helper()
	text, err := json.Marshal(settings)
	must(tb, err)
	return "LARAVEL=" + string(text)
}

// RequireLaravel skips the test without Laravel's classes.
func RequireLaravel(tb testing.TB) {
	tb.Helper()
	const classes = "Illuminate/Auth/autoload.php"
	if out, err := exec.Command(PHPCommand(tb), "-r", "echo stream_resolve_include_path('"+classes+"');").Output(); err != nil || len(out) == 0 {
		missing(tb, errNoLaravel)
	}
}

var errNoLaravel = errors.New("the classes of Laravel are not here; tools/deps.sh installs them")
