package php_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/session/php"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// life is what every store goes through: each step is the application's own, and
// after each the reader must see whom PHP sees.
func life(t *testing.T, a app, s *php.Sessions) {
	t.Helper()
	ctx := context.Background()
	alice := a.login("alice", "")
	got := a.same(s, "PHPSESSID="+alice)
	expect(t, got, session.Known, "")
	if got.State != session.Known {
		t.FailNow()
	}
	if p := got.Principal; p.Subject != "1" || p.Session["auth.name"] != "alice" {
		t.Errorf("%+v", p)
	}
	if left := time.Until(got.Principal.Expires); left < 23*time.Minute || left > 24*time.Minute {
		t.Errorf("ends in %s; PHP's own lifetime is 24 minutes", left)
	}
	bob := a.login("bob", alice) // a new ID; the old one is gone
	expect(t, a.same(s, "PHPSESSID="+bob), session.Known, "")
	expect(t, s.Open(ctx, alice), session.Anonymous, session.NoSession)
	a.same(s, "PHPSESSID="+alice)
	a.post("/logout", bob, nil)
	expect(t, s.Open(ctx, bob), session.Anonymous, session.NoSession)
	a.same(s, "PHPSESSID="+bob)
	expect(t, s.Open(ctx, "unknown"), session.Anonymous, session.NoSession)
	expect(t, a.same(s, "other=1"), session.Anonymous, session.NoCookie)
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	expect(t, s.Open(canceled, bob), session.Unavailable, session.TimedOut)
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := app{t, testbed.PHP(t, map[string]string{"session.save_path": dir, "session.serialize_handler": "php_serialize"})}
	config := php.Config{Handler: php.PHPSerialize, Claims: []session.Path{{"auth", "name"}}}
	s := reader(t, config, files(t, php.FilesConfig{SavePath: dir}), time.Now)
	life(t, a, s)
	mutated(t, a, s)

	ctx := context.Background()
	id := a.login("alice", "")
	later := func() time.Time { return time.Now().Add(25 * time.Minute) }
	expect(t, reader(t, config, files(t, php.FilesConfig{SavePath: dir}), later).Open(ctx, id), session.Unavailable, session.Expired)
	gone := reader(t, config, files(t, php.FilesConfig{SavePath: filepath.Join(dir, "none")}), time.Now)
	expect(t, gone.Open(ctx, id), session.Unavailable, session.StoreFailed)
	other := reader(t, php.Config{}, files(t, php.FilesConfig{SavePath: dir}), time.Now)
	expect(t, other.Open(ctx, id), session.Unavailable, session.Unsupported) // written by another handler than configured
}

// mutated sends cookies that are changed in all kinds of ways, to PHP and to the
// reader.
func mutated(t *testing.T, a app, s *php.Sessions) {
	t.Helper()
	first, second := a.login("alice", ""), a.login("bob", "")
	random := rand.New(rand.NewPCG(5, 6))
	pieces := []string{";", "; ", "=", " ", "%20", "%", "%2", "%zz", "+", `"`, "PHPSESSID=", "PHPSESSID", "[", "]", "[a]", ".", "_", ",", first, second, "x=y", "%50", "\t", "/", "../", first[:8]}
	states := map[session.State]int{}
	for range 800 {
		header := "PHPSESSID=" + first
		switch random.IntN(3) {
		case 0:
			header = "a=b; " + header + "; c=d"
		case 1:
			header = header + "; PHPSESSID=" + second
		}
		for range random.IntN(3) {
			at := random.IntN(len(header) + 1)
			switch random.IntN(3) {
			case 0:
				header = header[:at] + pieces[random.IntN(len(pieces))] + header[at:]
			case 1:
				header = header[:at] + header[min(len(header), at+1+random.IntN(3)):]
			default: // one character percent-encoded
				if at < len(header) {
					const digits = "0123456789ABCDEF"
					header = header[:at] + "%" + string(digits[header[at]>>4]) + string(digits[header[at]&15]) + header[at+1:]
				}
			}
		}
		header = strings.Trim(header, " \t") // as HTTP has it
		got := a.same(s, header)
		states[got.State]++
		if got.State == session.Unavailable && got.Reason != session.AmbiguousCookie {
			t.Errorf("%q: %s %v", header, got.Reason, got.Err)
		}
	}
	t.Logf("%v", states)
	if states[session.Known] < 100 || states[session.Anonymous] < 100 || states[session.Unavailable] < 100 {
		t.Error("too few to mean something")
	}
}

func TestRedis(t *testing.T) {
	t.Parallel()
	server := testbed.StartRedis(t)
	for name, test := range map[string]struct{ query, prefix string }{"plain": {}, "prefix": {"?prefix=desk:", "desk:"}} {
		t.Run(name, func(t *testing.T) {
			a := app{t, testbed.PHP(t, map[string]string{
				"session.save_handler": "redis", "session.save_path": "tcp://" + server.Address + test.query, "redis.session.locking_enabled": "1",
			})}
			s := reader(t, php.Config{Claims: []session.Path{{"auth", "name"}}}, redis(t, server.Address, test.prefix), time.Now)
			life(t, a, s)
			mutated(t, a, s)
		})
	}
	a := app{t, testbed.PHP(t, map[string]string{
		"session.save_handler": "redis", "session.save_path": "tcp://" + server.Address, "session.serialize_handler": "igbinary",
	})}
	id := a.login("alice", "")
	s := reader(t, php.Config{}, redis(t, server.Address, ""), time.Now)
	expect(t, s.Open(context.Background(), id), session.Unavailable, session.Unsupported)
	server.Freeze()
	short, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	expect(t, s.Open(short, id), session.Unavailable, session.TimedOut)
	server.Thaw()
	server.Kill()
	expect(t, s.Open(context.Background(), id), session.Unavailable, session.StoreFailed)
}

// While a request of the monolith holds the lock, the session before it is read;
// what may be half a write is not.
func TestALockedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := reader(t, php.Config{}, files(t, php.FilesConfig{SavePath: dir}), time.Now)
	path := filepath.Join(dir, "sess_locked")
	must(t, os.WriteFile(path, []byte("user_id|i:7;"), 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	must(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	open := func() session.Outcome { return s.Open(context.Background(), "locked") }
	expect(t, open(), session.Known, "")
	must(t, os.WriteFile(path, []byte("user_id|i:"), 0o600))
	expect(t, open(), session.Unavailable, session.StoreFailed)
	must(t, os.Truncate(path, 0))
	expect(t, open(), session.Unavailable, session.StoreFailed)
	must(t, syscall.Flock(int(f.Fd()), syscall.LOCK_UN))
	expect(t, open(), session.Anonymous, session.NoUser)
}

func TestFilesThatDoNotCount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) { must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)) }
	write("sess_good", "user_id|i:7;")
	write("elsewhere", "user_id|i:7;")
	must(t, os.Symlink("elsewhere", filepath.Join(dir, "sess_link")))
	must(t, os.Mkdir(filepath.Join(dir, "sess_folder"), 0o700))
	must(t, syscall.Mkfifo(filepath.Join(dir, "sess_pipe"), 0o600))
	write("sess_large", "user_id|i:7;x|s:1048576:\""+strings.Repeat("a", 1<<20)+"\";")
	open := func(config php.FilesConfig, id string) session.Outcome {
		config.SavePath = dir
		return reader(t, php.Config{}, files(t, config), time.Now).Open(context.Background(), id)
	}
	expect(t, open(php.FilesConfig{}, "good"), session.Known, "")
	for _, id := range []string{"link", "folder", "pipe", "large"} {
		expect(t, open(php.FilesConfig{}, id), session.Unavailable, session.StoreFailed)
	}
	expect(t, open(php.FilesConfig{Owner: "54321"}, "good"), map[bool]session.State{true: session.Known, false: session.Unavailable}[os.Getuid() == 0],
		map[bool]session.Reason{true: "", false: session.StoreFailed}[os.Getuid() == 0]) // root's count, as for PHP
	must(t, os.Chmod(dir, 0o777))
	expect(t, open(php.FilesConfig{}, "good"), session.Unavailable, session.Misconfigured)
	if os.Getuid() == 0 {
		must(t, os.Chown(filepath.Join(dir, "sess_good"), 54321, -1))
		expect(t, open(php.FilesConfig{Owner: "54321"}, "good"), session.Known, "")
		expect(t, open(php.FilesConfig{Owner: "54322"}, "good"), session.Unavailable, session.StoreFailed)
	}
}
