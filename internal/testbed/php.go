package testbed

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
	"github.com/strangler-proxy/strangler/internal/process"
)

// PHPCommand returns PHP's command line.
func PHPCommand(tb testing.TB) string {
	tb.Helper()
	return program(tb, "php")
}

// PHP starts a small monolith in plain PHP (apps/php) with settings of php.ini,
// such as session.save_path, which without one is a folder of its own. GET /who
// answers the user's ID, or nothing; POST /login takes name (alice is user 1,
// bob 2) and password (secret), POST /logout signs out.
func PHP(tb testing.TB, settings map[string]string) *Program {
	tb.Helper()
	all := map[string]string{"session.save_path": tb.TempDir(), "session.gc_probability": "0", "display_errors": "0"}
	maps.Copy(all, settings)
	return startPHP(tb, "php", all, nil)
}

// startPHP starts an app on PHP's own server.
func startPHP(tb testing.TB, app string, settings map[string]string, env []string) *Program {
	tb.Helper()
	address := freeAddress(tb)
	root, err := helpdesk.Checkout()
	must(tb, err)
	dir := filepath.Join(root, "internal", "testbed", "apps", app)
	_, err = os.Stat(dir)
	must(tb, err)
	args := make([]string, 0, 2*len(settings)+3)
	args = append(args, "-S", address)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-d", name+`="`+settings[name]+`"`) // in quotes: a ; would begin a comment
	}
	command := process.Command{
		Name: "the " + app + " monolith", Path: PHPCommand(tb), Dir: dir, Env: env, Args: append(args, filepath.Join(dir, "index.php")),
	}
	return start(tb, address, command, answers("http://"+address+"/who"))
}
