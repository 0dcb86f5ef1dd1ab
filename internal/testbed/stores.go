package testbed

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/strangler-proxy/strangler/internal/process"
)

// StartRedis starts an empty Redis that keeps nothing, with more options.
func StartRedis(tb testing.TB, options ...string) *Program {
	tb.Helper()
	path := program(tb, "redis-server")
	address := freeAddress(tb)
	_, port, _ := net.SplitHostPort(address)
	return start(tb, address, process.Command{
		Name: "redis", Path: path, Dir: tb.TempDir(),
		Args: append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"}, options...),
	}, connects(address))
}

// StartPostgres starts an empty PostgreSQL; user postgres and database postgres,
// no password.
func StartPostgres(tb testing.TB) *Program {
	tb.Helper()
	initdb, postgres := program(tb, "initdb", "/usr/lib/postgresql/*/bin"), program(tb, "postgres", "/usr/lib/postgresql/*/bin")
	dir, err := os.MkdirTemp("", "postgres-")
	must(tb, err)
	tb.Cleanup(func() { must(tb, os.RemoveAll(dir)) })
	as := unprivileged(tb, dir, "postgres")
	run(tb, append(as, initdb, "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", "-N", "--locale=C.UTF-8"))
	address := freeAddress(tb)
	_, port, _ := net.SplitHostPort(address)
	command := append(as, postgres, "-D", filepath.Join(dir, "data"), "-p", port, "-h", "127.0.0.1", "-k", dir, "-F")
	ready := program(tb, "pg_isready", "/usr/lib/postgresql/*/bin")
	return start(tb, address, process.Command{Name: "postgresql", Path: command[0], Args: command[1:]}, func(ctx context.Context) error {
		return exec.CommandContext(ctx, ready, "-h", "127.0.0.1", "-p", port).Run()
	})
}

// PostgresStandby takes a copy of a running PostgreSQL, which its Start starts in
// the place of the one that was killed.
func PostgresStandby(tb testing.TB, primary *Program) *Program {
	tb.Helper()
	backup := program(tb, "pg_basebackup", "/usr/lib/postgresql/*/bin")
	dir, err := os.MkdirTemp("", "postgres-standby-")
	must(tb, err)
	tb.Cleanup(func() { must(tb, os.RemoveAll(dir)) })
	as := unprivileged(tb, dir, "postgres")
	host, port, _ := net.SplitHostPort(primary.Address)
	data := filepath.Join(dir, "data")
	run(tb, append(as, backup, "-h", host, "-p", port, "-U", "postgres", "-D", data, "--checkpoint=fast", "--no-sync"))
	command := primary.command
	command.Name, command.Args = "the standby postgresql", slices.Clone(command.Args)
	command.Args[slices.Index(command.Args, "-D")+1] = data
	command.Args[slices.Index(command.Args, "-k")+1] = dir
	standby := &Program{Address: primary.Address, t: tb, command: command, check: primary.check, log: &process.Tail{}}
	standby.command.Output = standby.log
	tb.Cleanup(standby.end)
	return standby
}

// StartMariaDB starts an empty MariaDB; user root, database test, no password.
func StartMariaDB(tb testing.TB) *Program {
	tb.Helper()
	install, server := program(tb, "mariadb-install-db"), program(tb, "mariadbd", "/usr/sbin")
	dir, err := os.MkdirTemp("", "mariadb-")
	must(tb, err)
	tb.Cleanup(func() { must(tb, os.RemoveAll(dir)) })
	as := unprivileged(tb, dir, "mysql")
	data := "--datadir=" + filepath.Join(dir, "data")
	run(tb, append(as, install, "--no-defaults", data, "--auth-root-authentication-method=normal"))
	address := freeAddress(tb)
	_, port, _ := net.SplitHostPort(address)
	command := append(as, server, "--no-defaults", data, "--port="+port, "--bind-address=127.0.0.1",
		"--socket="+filepath.Join(dir, "sock"), "--pid-file="+filepath.Join(dir, "pid"), "--skip-name-resolve")
	return start(tb, address, process.Command{Name: "mariadb", Path: command[0], Args: command[1:]}, connects(address))
}

// unprivileged gives a folder to the account that a database wants to run as,
// and answers what to put before its command. Who is not root runs it as is.
func unprivileged(tb testing.TB, dir, account string) []string {
	tb.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	found, err := user.Lookup(account)
	must(tb, err)
	uid, err := strconv.Atoi(found.Uid)
	must(tb, err)
	gid, err := strconv.Atoi(found.Gid)
	must(tb, err, os.Chown(dir, uid, gid))
	return []string{program(tb, "setpriv"), "--reuid", found.Uid, "--regid", found.Gid, "--clear-groups", "--pdeathsig", "KILL"}
}

func run(tb testing.TB, command []string) {
	tb.Helper()
	if out, err := exec.CommandContext(tb.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
		tb.Fatalf("%s: %v\n%s", command[0], err, out)
	}
}

// program finds a program in the path, or in the folders it may be in as well.
func program(tb testing.TB, name string, folders ...string) string {
	tb.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, folder := range folders {
		if found, _ := filepath.Glob(filepath.Join(folder, name)); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	missing(tb, errors.New(name+" is not here; tools/deps.sh installs it"))
	return ""
}

// connects is a check: somebody takes connections at the address.
func connects(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}
