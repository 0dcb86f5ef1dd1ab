package main

import (
	"context"
	"errors"
	"fmt"
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
	// routes is the size of a strangler's table.
	routes int
	// http and https are where it listens, admin where a Caddy is asked for its
	// numbers.
	http, https, admin string
	process            *process
	// paths are what it is asked for, crowd the users who ask.
	paths []string
	crowd string
}

// againName is the subject that is reverse_proxy's process once more.
const againName = "again"

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

// start starts all subjects; those that started are returned with an error
// too, to be stopped.
func (l *lineup) start(ctx context.Context, w workload) ([]*subject, error) {
	all := []*subject{{name: kindReverseProxy, kind: kindReverseProxy, title: "Caddy reverse_proxy"}}
	for _, n := range l.options.routes {
		name := fmt.Sprintf("strangler-%d", n)
		all = append(all, &subject{
			name: name, kind: kindStrangler, routes: n, title: "Strangler, " + countRoutes(n),
			paths: table{routes: n, sticky: w.sticky}.paths(), crowd: name,
		})
	}
	for _, name := range l.options.peers {
		if _, err := exec.LookPath(name); err == nil {
			all = append(all, &subject{name: name, kind: name, title: name})
		}
	}
	// Who does not split is asked what the first who does is asked, byte for
	// byte, cookies included.
	paths, crowd := table{routes: 1}.paths(), "plain"
	if len(l.options.routes) > 0 {
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
	again := *all[0]
	again.name, again.title = againName, "reverse_proxy again"
	return append(all, &again), nil
}

// stop stops every subject's process.
func (l *lineup) stop(all []*subject) {
	for _, s := range all {
		if s.process != nil && s.name != againName {
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
		if err := l.writeTable(s, w, filepath.Join(dir, "routes.yaml")); err != nil {
			return err
		}
	}
	env := []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir}
	if s.process, err = start(dir, s.name, l.options.proxyCPUs, env, false, l.command(s, dir, file)...); err != nil {
		return err
	}
	return s.process.ready(ctx, s.http, s.paths[0]+"/"+idSmall, readyTime)
}

func (l *lineup) writeTable(s *subject, w workload, name string) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	t := table{routes: s.routes, sticky: w.sticky}
	return errors.Join(t.write(file, "http://"+l.origin.Monolith, "http://"+l.origin.Service), file.Close())
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
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits + " routes"
}
