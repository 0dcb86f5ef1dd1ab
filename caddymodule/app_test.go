package caddymodule

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.start(plainCaddyfile)
	for given, want := range map[string]time.Duration{"": 30 * time.Second, "\tgrace_period 7s\n": 7 * time.Second} {
		if err := r.load(r.json(strings.Replace(plainCaddyfile, "\tgrace_period 5s\n", given, 1))); err != nil {
			t.Fatal(err)
		}
		app, err := caddy.ActiveContext().AppIfConfigured("http")
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Duration(app.(*caddyhttp.App).GracePeriod); got != want {
			t.Errorf("with %q: %v, want %v", given, got, want)
		}
	}
}

func TestIdentityIsOneForOneFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_DATA_HOME", dir)
	t.Setenv("ELSEWHERE", filepath.Join(dir, "link"))
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	folder, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		app       *App
		store, in string
	}{
		{&App{Routes: "r.yaml"}, filepath.Join(folder, "caddy/strangler.db"), here},
		{&App{Routes: "r.yaml", Store: &Store{SQLite: dir + "/link/s.db"}}, filepath.Join(folder, "real/s.db"), here},
		{&App{Routes: "{env.ELSEWHERE}/r.yaml", Store: &Store{SQLite: "{env.ELSEWHERE}/s.db"}}, filepath.Join(folder, "real/s.db"), dir + "/link"},
	} {
		id, err := c.app.key()
		if want := (engineKey{store: c.store, routes: filepath.Join(c.in, "r.yaml")}); err != nil || id != want {
			t.Errorf("%s: %+v %v, want %+v", c.app.Routes, id, err, want)
		}
	}
	for _, bad := range []*App{
		{}, {Routes: "r.yaml", Store: &Store{}}, {Routes: "{env.NOT_THERE}"},
		{Routes: "r.yaml", Store: &Store{SQLite: dir + "/missing/s.db"}},
		{Routes: "r.yaml", Flags: []FlagSource{{}}}, {Routes: "r.yaml", Flags: []FlagSource{{Env: true, OFREP: "http://x"}}},
	} {
		if id, err := bad.key(); err == nil {
			t.Errorf("%q with %+v has the key %+v", bad.Routes, bad.Store, id)
		}
	}
}
