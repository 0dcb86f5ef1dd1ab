package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// The kinds of proxy.
const (
	kindReverseProxy = "reverse_proxy"
	kindStrangler    = "strangler"
	kindNginx        = "nginx"
	kindHAProxy      = "haproxy"
)

func peerNames() []string { return []string{kindNginx, kindHAProxy} }

// subject is one proxy under test, or the first one a second time.
type subject struct {
	// name is unique in a workload: reverse_proxy, again, strangler-1000, nginx.
	name, kind string
	// title is the name for people.
	title string
	// routes is the size of a strangler's table, decided what decides in it.
	routes  int
	decided string
	// rollouts are the routes whose rollouts were started.
	rollouts []string
	// http and https are where it listens, admin where a Caddy is asked for its
	// numbers.
	http, https, admin string
	process            *process
	// paths are what it is asked for, crowd the users who ask.
	paths []string
	crowd string
	// answered is how many correct answers it gave in all.
	answered int
}

// againName is the subject that is reverse_proxy in another process.
const againName = "again"

// The files of a strangler.
const (
	tableFile = "routes.yaml"
	flagFile  = "flags.json"
)

// table is a strangler's route table.
func (s *subject) table(w workload) table {
	return table{routes: s.routes, sticky: w.sticky, decided: s.decided, whole: w.whole()}
}

// split says whether it divides users between monolith and service.
func (s *subject) split() bool { return s.kind == kindStrangler }

// hasAdmin says whether it is a Caddy, which can be asked for its numbers.
func (s *subject) hasAdmin() bool { return s.admin != "" }

// address is where the workload's clients connect.
func (s *subject) address(w workload) string {
	if w.http2 {
		return s.https
	}
	return s.http
}

// readyTime bounds a proxy's start; 100,000 routes take a while on a small
// machine, the first time each of them also gets a salt.
const readyTime = 2 * time.Minute

// lineup starts the subjects of a workload and stops them.
type lineup struct {
	options *options
	// dir holds the configurations and the proxies' own files.
	dir    string
	cert   certificate
	origin originAddresses
}

// subjects are those of a workload, none of which runs yet: reverse_proxy first
// and once more at the end.
func (l *lineup) subjects(w workload) []*subject {
	all := []*subject{{name: kindReverseProxy, kind: kindReverseProxy, title: "Caddy reverse_proxy"}}
	for _, n := range l.options.sizes(w) {
		all = append(all, newStrangler(n, byPercent, "Strangler, "+countRoutes(n)))
		for _, by := range l.options.deciders(w, n) {
			all = append(all, newStrangler(n, by, "Strangler, "+thousands(n)+" "+decidedBy(by)))
		}
	}
	for _, name := range l.options.peers {
		if _, err := exec.LookPath(name); err == nil && !w.fresh {
			all = append(all, &subject{name: name, kind: name, title: name})
		}
	}
	return append(all, &subject{name: againName, kind: kindReverseProxy, title: "reverse_proxy again"})
}

func newStrangler(n int, by, title string) *subject {
	name := fmt.Sprintf("strangler-%d", n)
	if by != byPercent {
		name += "-" + by
	}
	return &subject{name: name, kind: kindStrangler, routes: n, decided: by, title: title, paths: table{routes: n}.paths(), crowd: name}
}

// decidedBy says for people what decides.
func decidedBy(by string) string {
	switch by {
	case byIdentity:
		return "with identity"
	case byShadow:
		return "with shadow"
	case byHung:
		return "with hung shadow"
	}
	return "by " + by
}

// start starts all subjects; those that started are returned with an error
// too, to be stopped.
func (l *lineup) start(ctx context.Context, w workload) ([]*subject, error) {
	all := l.subjects(w)
	// Who does not split is asked what the first who does is asked, byte for
	// byte, cookies included.
	paths, crowd := table{routes: 1}.paths(), "plain"
	if all[1].split() {
		paths, crowd = all[1].paths, all[1].crowd
	}
	for i, s := range all {
		if s.paths == nil {
			s.paths, s.crowd = paths, crowd
		}
		if err := l.startOne(ctx, w, s); err != nil {
			return all[:i+1], err
		}
	}
	return all, nil
}

// stop stops every subject's process.
func (l *lineup) stop(all []*subject) {
	for _, s := range all {
		if s.process != nil {
			s.process.stop()
		}
	}
}

func (l *lineup) startOne(ctx context.Context, w workload, s *subject) error {
	addresses, err := freeAddresses(3)
	if err != nil {
		return err
	}
	s.http, s.https = addresses[0], addresses[1]
	if s.kind == kindReverseProxy || s.kind == kindStrangler {
		s.admin = addresses[2]
	}
	dir := filepath.Join(l.dir, w.name, s.name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file := filepath.Join(dir, "proxy.conf")
	if err := os.WriteFile(file, []byte(l.config(s, dir)), 0o600); err != nil {
		return err
	}
	if s.kind == kindStrangler {
		if err := l.writeTable(s.table(w), dir); err != nil {
			return err
		}
	}
	env := []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}
	if s.process, err = start(dir, s.name, l.options.proxyCPUs, env, false, l.command(s, dir, file)...); err != nil {
		return err
	}
	if err := s.process.ready(ctx, s.http, s.paths[0]+"/"+idSmall, readyTime); err != nil || s.decided != byRollout {
		return err
	}
	return s.startRollouts(ctx, s.table(w).reading())
}

// writeTable writes a strangler's own files.
func (l *lineup) writeTable(t table, dir string) error {
	monolith := l.origin.Monolith
	if t.decided == byHung {
		monolith = l.origin.Hung
	}
	err := writeFile(filepath.Join(dir, tableFile), func(w io.Writer) error {
		return t.write(w, "http://"+monolith, "http://"+l.origin.Service)
	})
	if err != nil || t.decided != byFlag {
		return err
	}
	return writeFile(filepath.Join(dir, flagFile), t.writeFlags)
}

func writeFile(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}

// command is how a subject is started, to stay one process in the foreground.
func (l *lineup) command(s *subject, dir, config string) []string {
	switch s.kind {
	case kindNginx:
		return []string{kindNginx, "-p", dir, "-c", config}
	case kindHAProxy:
		return []string{kindHAProxy, "-db", "-f", config}
	default:
		return []string{l.options.binary, "run", "--config", config, "--adapter", "caddyfile"}
	}
}

// countRoutes says n routes with thousands set apart.
func countRoutes(n int) string {
	if n == 1 {
		return "1 route"
	}
	return thousands(n) + " routes"
}

func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
