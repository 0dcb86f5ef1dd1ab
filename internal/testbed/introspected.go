package testbed

import (
	"os"
	"path/filepath"
	"testing"
)

// Introspected starts apps/introspected, a Django monolith whose /_introspect is a
// view of the test's, the text of a Python file with a function introspect(request)
// that finds AppSecret in settings.INTROSPECTION_SECRET. Its own form GET and POST
// /login/ has the fields username (alice, whose ID is 1, or bob, 2), password
// ("password") and csrfmiddlewaretoken; GET /logout/ and /disable/NAME do as they
// say, and GET /who answers {"by": "django", "user": ID or null}.
func Introspected(tb testing.TB, view string) *Program {
	tb.Helper()
	dir := tb.TempDir()
	file := filepath.Join(dir, "view.py")
	must(tb, os.WriteFile(file, []byte(view), 0o600))
	env := []string{"VIEW=" + file, "SECRET=" + AppSecret, "DATABASE=" + filepath.Join(dir, "db.sqlite3"), "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"}
	return startApp(tb, "the introspected Django", env, Python(tb), "introspected/app.py")
}
