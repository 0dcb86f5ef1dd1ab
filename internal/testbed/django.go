package testbed

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// DjangoApp is apps/django and where its users are.
type DjangoApp struct {
	*Program
	// Database is its SQLite file, unless the settings name another database.
	Database string
}

// Django starts apps/django, a small monolith: its own form GET and POST /login/
// has the fields username (alice, whose ID is 1, bob, 2, or carol, 3), password ("password")
// and csrfmiddlewaretoken; GET /logout/, /expire, /cart, /disable/NAME,
// /password/NAME and /delete/NAME do as they say, and GET /who answers {"by":
// "django", "user": ID or null}. Its SECRET_KEY is AppSecret; settings change the
// others.
func Django(tb testing.TB, settings map[string]any) DjangoApp {
	tb.Helper()
	text, err := json.Marshal(settings)
	must(tb, err)
	if settings == nil {
		text = []byte("{}")
	}
	return startDjango(tb, "SETTINGS="+string(text))
}

// Introspected is Django whose /_introspect is a view of the test's, the text of
// a Python file with a function introspect(request) that finds AppSecret in
// settings.INTROSPECTION_SECRET.
func Introspected(tb testing.TB, view string) *Program {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "view.py")
	must(tb, os.WriteFile(file, []byte(view), 0o600))
	return startDjango(tb, "VIEW="+file).Program
}

func startDjango(tb testing.TB, more ...string) DjangoApp {
	tb.Helper()
	database := filepath.Join(tb.TempDir(), "db.sqlite3")
	env := append([]string{"SECRET=" + AppSecret, "DATABASE=" + database, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"}, more...)
	return DjangoApp{startApp(tb, "the small Django", env, Python(tb), "django/app.py"), database}
}

// REST starts apps/rest, a service of Django REST framework: GET /rest/me answers
// {"sub": …, "aud": …} of the token of the request, which PyJWT verified by the
// keys of its issuer, any on this machine; its audience is "rest".
func REST(tb testing.TB) *Program {
	tb.Helper()
	python, err := findREST()
	if err != nil {
		missing(tb, err)
	}
	return startApp(tb, "the REST service", []string{"PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"}, python, "rest/app.py")
}

var findREST = sync.OnceValues(func() (string, error) {
	for _, candidate := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(candidate, "-c", "import rest_framework, jwt, cryptography").Run() == nil {
			return candidate, nil
		}
	}
	return "", errors.New("no Python has Django REST framework and PyJWT: apt-get install python3-djangorestframework python3-jwt python3-cryptography")
})
