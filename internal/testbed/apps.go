package testbed

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/strangler-proxy/strangler/internal/process"
)

// AppSecret is the secret that the applications sign with when a test names none.
const AppSecret = "a-secret-of-the-applications"

// Express starts apps/express: POST /login with the form field user (any text),
// POST /logout, and GET /who, which answers {"by": "express", "user": ID or null}.
// Its sessions are express-session's in the Redis at an address, or
// cookie-session's when there is none. Of several secrets the first signs; none
// stands for AppSecret.
func Express(tb testing.TB, redis string, secrets ...string) *Program {
	tb.Helper()
	if secrets == nil {
		secrets = []string{AppSecret}
	}
	env := []string{"SECRETS=" + strings.Join(secrets, " ")}
	if redis != "" {
		env = append(env, "REDIS=redis://"+redis)
	}
	node := FindNode(tb)
	return startApp(tb, "the Express application", append(node.Env, env...), node.Path, "express/app.js")
}

// FlaskApp is apps/flask and where its users are.
type FlaskApp struct {
	*Program
	// Database is the SQLite file with the table member: id, name, active.
	Database string
}

// Flask starts apps/flask with Flask-Login: POST /login with the form field user
// (alice, whose ID is 1, or bob, 2), POST /logout, and GET /who, which answers
// {"by": "flask", "user": ID or null}. It signs with AppSecret.
func Flask(tb testing.TB) FlaskApp {
	tb.Helper()
	database := filepath.Join(tb.TempDir(), "flask.sqlite3")
	env := []string{"SECRET_KEY=" + AppSecret, "DATABASE=" + database, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"}
	return FlaskApp{startApp(tb, "the Flask application", env, FlaskPython(tb), "flask/app.py"), database}
}

func startApp(tb testing.TB, name string, env []string, path, script string) *Program {
	tb.Helper()
	apps, err := appsFolder()
	must(tb, err)
	address := freeAddress(tb)
	_, port, _ := net.SplitHostPort(address)
	return start(tb, address, process.Command{
		Name: name, Path: path, Args: []string{filepath.Join(apps, script)}, Dir: tb.TempDir(),
		Env: append(env, "PORT="+port),
	}, answers("http://"+address+"/who"))
}

// FlaskPython answers an interpreter that has Flask and Flask-Login.
func FlaskPython(tb testing.TB) string {
	tb.Helper()
	python, err := findFlask()
	if err != nil {
		missing(tb, err)
	}
	return python
}

var findFlask = sync.OnceValues(func() (string, error) {
	for _, candidate := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(context.Background(), candidate, "-c", "import flask, flask_login").Run() == nil {
			return candidate, nil
		}
	}
	return "", errors.New("no Python has Flask and Flask-Login: apt-get install python3-flask python3-flask-login")
})
