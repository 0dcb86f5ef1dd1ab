package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/strangler-proxy/strangler/internal/process"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"strangler": main})
}

// TestScript runs testdata/script/*.txtar against the real command. Beside
// testscript's own commands a script has:
//
//	expand FILE…                  replaces $NAME in files by the environment
//	exits CODE COMMAND [ARG…]     runs a command that must end with that code
//	background URL…               asks for URLs while the script goes on
//	answered TEXT…                waits until they ended, each with such a body
//	get [-H 'Name: value'] URL    prints an answer: status, X-Arm, body
//	terminate FILE                sends SIGTERM to the process a file names
//	foretold PREVIEW BEFORE AFTER compares a preview with two crowds that came
//	visit N URL FILE              N visitors ask; the file says who answered each
//	until PATTERN COMMAND [ARG…]  repeats a command until it prints the pattern
//
// In the environment are a monolith, a service and a receiver of webhooks (see
// hook) of the script's own, $HOOK_SECRET, $SITE
// and $ADMIN, where nobody listens yet, and CADDY_ADMIN.
func TestScript(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"answered":   answered,
			"background": background,
			"expand":     expand,
			"foretold":   foretold,
			"exits":      exits,
			"get":        get,
			"terminate":  terminate,
			"until":      until,
			"visit":      visit,
		},
	})
}

func setup(env *testscript.Env) error {
	for _, name := range []string{"MONOLITH", "SERVICE"} {
		server := httptest.NewServer(target(strings.ToLower(name)))
		env.Defer(server.Close)
		env.Setenv(name, server.URL)
	}
	receiver := httptest.NewServer(&hook{dir: env.WorkDir})
	env.Defer(receiver.Close)
	env.Setenv("HOOK", receiver.URL)
	env.Setenv("HOOK_SECRET", hookSecret)
	for _, name := range []string{"SITE", "ADMIN"} {
		address, err := process.FreeAddress()
		if err != nil {
			return err
		}
		env.Setenv(name, address)
	}
	for name, value := range map[string]string{
		"CADDY_ADMIN": env.Getenv("ADMIN"), "HOME": env.WorkDir,
		"XDG_DATA_HOME": env.WorkDir + "/data", "XDG_CONFIG_HOME": env.WorkDir + "/config",
	} {
		env.Setenv(name, value)
	}
	return nil
}

// target says who it is and what it was asked. /slow takes a second for its body;
// /endless never ends. /v1/same/ is the same JSON from everybody, /v1/typed/ differs
// in the type of one member, and /v1/noisy/ has one that is another each time.
func target(name string) http.Handler {
	var answers atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
			}
		case "/endless":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: first\n\n")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		kind, found := strings.CutPrefix(r.URL.Path, "/v1/")
		if word, _, _ := strings.Cut(kind, "/"); found && slices.Contains([]string{"same", "typed", "noisy"}, word) {
			id := any(path.Base(kind))
			if name == "service" && strings.HasPrefix(kind, "typed/") {
				id = 7
			}
			answer := map[string]any{"id": id, "title": "How to " + path.Base(kind)}
			if strings.HasPrefix(kind, "noisy/") {
				answer["at"] = fmt.Sprintf("%s %d", name, answers.Add(1))
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(answer)
			return
		}
		_, _ = fmt.Fprintf(w, "%s %s", name, r.URL.RequestURI())
	})
}

func expand(ts *testscript.TestScript, _ bool, files []string) {
	for _, file := range files {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

// command prepares a command of the script's.
func command(ts *testscript.TestScript, args []string) *exec.Cmd {
	path := args[0]
	if path == "strangler" {
		for _, dir := range strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator)) {
			if _, err := os.Stat(dir + "/strangler"); err == nil {
				path = dir + "/strangler"
				break
			}
		}
	}
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "CADDY_ADMIN", "XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	cmd := command(ts, args[1:])
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&stdout, ts.Stdout()), io.MultiWriter(&stderr, ts.Stderr())
	err = cmd.Run()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		ts.Fatalf("%v", err)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", got, want, &stdout, &stderr)
	}
}

func terminate(ts *testscript.TestScript, _ bool, args []string) {
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, syscall.SIGTERM))
}

func get(ts *testscript.TestScript, fails bool, args []string) {
	text, err := ask(args)
	if (err != nil) != fails {
		ts.Fatalf("%v: %s %v", args, text, err)
	}
	_, _ = fmt.Fprintln(ts.Stdout(), text)
}

// background asks for URLs and goes on when all answers have begun.
func background(ts *testscript.TestScript, _ bool, urls []string) {
	bodies := make(chan string, len(urls))
	backgrounds.Store(ts.MkAbs("."), bodies)
	for _, url := range urls {
		request, err := http.NewRequest(http.MethodGet, url, nil)
		ts.Check(err)
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		ts.Check(err)
		go func() {
			body, _ := io.ReadAll(response.Body) // may be cut
			_ = response.Body.Close()
			bodies <- string(body)
		}()
	}
}

var backgrounds sync.Map // of a script's folder: the channel of its answers

func answered(ts *testscript.TestScript, _ bool, texts []string) {
	bodies, _ := backgrounds.Load(ts.MkAbs("."))
	var got []string
	for range texts {
		select {
		case body := <-bodies.(chan string):
			got = append(got, body)
		case <-time.After(20 * time.Second):
			ts.Fatalf("no answer; so far: %q", got)
		}
	}
	for _, text := range texts {
		if !slices.ContainsFunc(got, func(body string) bool { return strings.Contains(body, text) }) {
			ts.Fatalf("no answer has %q: %q", text, got)
		}
	}
}

func ask(args []string) (string, error) {
	request, err := http.NewRequest(http.MethodGet, args[len(args)-1], nil)
	if err != nil {
		return "", err
	}
	for i := 0; i+1 < len(args)-1; i += 2 {
		name, value, _ := strings.Cut(args[i+1], ": ")
		request.Header.Set(name, value)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	text := fmt.Sprintf("%d %s| %s", response.StatusCode, response.Header.Get("X-Arm"), body)
	return text, errors.Join(err, response.Body.Close())
}

func until(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until PATTERN COMMAND [ARG…]")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last string
	for {
		if args[1] == "get" {
			last, err = ask(args[2:])
		} else {
			var output []byte
			output, err = command(ts, args[1:]).CombinedOutput()
			last = string(output)
		}
		if pattern.MatchString(last) {
			_, _ = fmt.Fprintln(ts.Stdout(), last)
			return
		}
		select {
		case <-deadline:
			ts.Fatalf("%v never printed %q; at last: %s %v", args[1:], args[0], last, err)
		case <-tick.C:
		}
	}
}
