package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
	"github.com/strangler-proxy/strangler/internal/process"
	"github.com/strangler-proxy/strangler/internal/testbed"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// demo is `make demo` as a person runs it.
type demo struct {
	t         *testing.T
	root, dir string
	process   *process.Process
	out       *process.Tail
}

func startDemo(t *testing.T, env ...string) *demo {
	t.Helper()
	root, err := helpdesk.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{t: t, root: root, dir: filepath.Join(t.TempDir(), "run"), out: &process.Tail{}}
	dir, err := filepath.Rel(root, d.dir) // as the default is
	if err != nil {
		t.Fatal(err)
	}
	d.process, err = process.Start(process.Command{
		Name: "make demo", Path: "make", Dir: root, Output: d.out, Env: env,
		Args: []string{"demo", "DEMO_FLAGS=-ports free -traffic 10 -dir " + dir},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.process.Kill()
		if t.Failed() {
			t.Logf("--- what make demo printed\n%s", d.out)
			for _, name := range []string{"monolith.log", "faq.log", "tickets.log", "strangler.log"} {
				log, _ := os.ReadFile(filepath.Join(d.dir, name)) // it may not be there yet
				t.Logf("--- %s\n%s", name, log[max(0, len(log)-4000):])
			}
		}
	})
	// The binary is built first.
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := d.process.Ready(ctx, func(context.Context) error { return d.shows("users on the monolith") }); err != nil {
		t.Fatal(err)
	}
	return d
}

// shows returns nil when the demo's last line about the FAQ has the text.
func (d *demo) shows(text string) error {
	last := ""
	for line := range strings.Lines(d.out.String()) {
		if strings.Contains(line, "  faq: ") {
			last = line
		}
	}
	if !strings.Contains(last, text) {
		return fmt.Errorf("the last line about the FAQ has no %q", text)
	}
	return nil
}

func (d *demo) wait(text string) {
	d.t.Helper()
	testbed.WaitFor(d.t, "the demo to show "+text, func() bool { return d.shows(text) == nil })
}

// paste runs a command of the demo as a person does, in a shell.
func (d *demo) paste(command string) string {
	d.t.Helper()
	shell := exec.CommandContext(d.t.Context(), "sh", "-c", command)
	shell.Dir = d.root
	out, err := shell.CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// command is the one that the demo prints with the text in it.
func (d *demo) command(text string) string {
	d.t.Helper()
	var found []string
	for line := range strings.Lines(d.out.String()) {
		command, indented := strings.CutPrefix(line, "  ")
		if indented && (strings.HasPrefix(command, "bin/strangler ") || strings.HasPrefix(command, "curl ")) && strings.Contains(command, text) {
			found = append(found, strings.TrimSpace(command))
		}
	}
	if len(found) != 1 {
		d.t.Fatalf("the demo prints %d commands with %q, want 1: %q", len(found), text, found)
	}
	return found[0]
}

// told waits until the demo has printed a text anywhere.
func (d *demo) told(text string) {
	d.t.Helper()
	testbed.WaitFor(d.t, "the demo to tell "+text, func() bool { return strings.Contains(d.out.String(), text) })
}

// wantNothingLeft waits until no process works in the demo's folder.
func (d *demo) wantNothingLeft() {
	d.t.Helper()
	var left []string
	deadline := time.After(20 * time.Second)
	for left = d.left(); len(left) > 0; left = d.left() {
		select {
		case <-deadline:
			d.t.Fatalf("these processes are left:\n%s", strings.Join(left, "\n"))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// left finds processes by what names the demo's folder: arguments, environment
// or current folder.
func (d *demo) left() (found []string) {
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		d.t.Fatal(err)
	}
	// Below the temporary folder, as the demo's own arguments name it relatively.
	folderName := []byte(strings.TrimPrefix(d.dir, os.TempDir()))
	for _, entry := range entries {
		arguments, _ := os.ReadFile(filepath.Join(entry, "cmdline")) // gone meanwhile: empty
		environment, _ := os.ReadFile(filepath.Join(entry, "environ"))
		folder, _ := os.Readlink(filepath.Join(entry, "cwd"))
		if bytes.Contains(append(arguments, environment...), folderName) || folder == d.dir {
			found = append(found, entry+" "+string(bytes.ReplaceAll(arguments, []byte{0}, []byte(" "))))
		}
	}
	return found
}

// The demo shows a route moving, its commands work as they are printed, and
// Ctrl-C leaves nothing behind. TestRolloutWalks walks the whole way.
func TestDemo(t *testing.T) {
	t.Parallel()
	testbed.Python(t)
	d := startDemo(t)
	if out := d.out.String(); !strings.Contains(out, "starting Django") || strings.Contains(out, "stand-in") {
		t.Error("the demo does not say that its monolith is Django")
	}
	if entries, err := os.ReadDir(d.dir); err != nil || len(entries) < 8 {
		t.Errorf("the demo's folder has %v, %v", entries, err)
	}
	d.wait("20 users on the monolith,  0 on the service")
	d.rollOut()
	d.compare()

	// A quarter of so few users may be none, once in 300 times; half never is.
	d.paste(strings.Replace(d.command("rollout set"), " 25 ", " 50 ", 1))
	testbed.WaitFor(t, "users on the service", func() bool { return d.shows(",  0 on the service") != nil })
	d.paste(d.command("rollout set"))
	d.paste(d.command("rollout hold"))
	d.wait("20 users on the monolith,  0 on the service")
	if out := d.paste(d.command("routes explain")); !strings.Contains(out, "faq-read") || !strings.Contains(out, "held") {
		t.Errorf("the explanation names neither route nor hold:\n%s", out)
	}
	d.editTable("rollout:\n      steps: [25, 100]\n      every: 30s\n      gates: { compared: 300, mismatch_below: 5 }", "percent: 100")
	d.paste(strings.Replace(strings.Replace(d.command("rollout hold"), "rollout hold", "rollout release", 1), "looks odd", "was fine", 1))
	d.wait(" 0 users on the monolith, 20 on the service")

	d.process.Interrupt()
	d.wantEnd()
	if !strings.Contains(d.out.String(), "Everything is stopped.") {
		t.Error("the demo does not say that everything is stopped")
	}
	d.wantNothingLeft()
}

// rollOut tries the commands about tickets: a rollout begins, the service can
// be made slow, the webhook is told, and there is a story.
func (d *demo) rollOut() {
	d.t.Helper()
	d.told("tickets: every answer is the monolith's")
	d.paste(strings.Replace(d.command("rollout start tickets"), " --wait", "", 1))
	d.told("webhook: tickets: ")
	if out := d.paste(d.command("slow?ms=800")); !strings.Contains(out, "800ms") {
		d.t.Errorf("making the service slow says %q", out)
	}
	d.paste(d.command("slow?ms=0"))
	d.paste(strings.NewReplacer("release", "hold", "quick again", "a test").Replace(d.command("rollout release tickets")))
	d.paste(d.command("rollout release tickets"))
	if out := d.paste(d.command("rollout history tickets")); !strings.Contains(out, "start ") || !strings.Contains(out, "quick again") {
		d.t.Errorf("the history is\n%s", out)
	}
	d.told("quick again")
}

func (d *demo) editTable(old, changed string) {
	d.t.Helper()
	path := filepath.Join(d.dir, "routes.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(old), []byte(changed), 1), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *demo) wantEnd() {
	d.t.Helper()
	select {
	case <-d.process.Done():
	case <-time.After(30 * time.Second):
		d.t.Fatal("the demo did not end")
	}
}

// Without Python the demo says that its monolith is a stand-in. Killed, it
// leaves nothing behind either.
func TestDemoWithoutPython(t *testing.T) {
	t.Parallel()
	d := startDemo(t, "HELPDESK_PYTHON=none")
	if out := d.out.String(); !strings.Contains(out, "NOT Django") || !strings.Contains(out, helpdesk.Packages) {
		t.Error("the demo does not say that its monolith is a stand-in, and what to install")
	}
	d.paste(strings.Replace(d.command("rollout set"), " 25 ", " 100 ", 1))
	d.wait(" 0 users on the monolith, 20 on the service")
	if len(d.left()) < 3 {
		t.Errorf("the demo's processes are not found: %q", d.left())
	}
	d.process.Signal(syscall.SIGTERM) // make alone, as `kill` does
	d.wantEnd()
	d.wantNothingLeft()
}

// compare tries the commands about comparing: the report names the two mistakes
// of the first build and knows the survey for noise; the second build's evidence
// begins anew, and the gate is met.
func (d *demo) compare() {
	d.t.Helper()
	judged := func() (verdict report.State, of map[string]report.Judgement, era report.Era) {
		var all report.Report
		out := d.paste(d.command("shadow report") + " --json")
		if err := json.Unmarshal([]byte(out), &all); err != nil || len(all.Routes) != 1 {
			d.t.Fatalf("%v in the report\n%s", err, out)
		}
		of = map[string]report.Judgement{}
		for _, s := range all.Routes[0].Signatures {
			path, _, _ := strings.Cut(s.Signature, " ")
			of[path] = s.Judgement
		}
		return all.Routes[0].Verdict.State, of, all.Routes[0].Era
	}
	testbed.WaitFor(d.t, "the report to name the mistakes, and the noise", func() bool {
		verdict, of, era := judged()
		return verdict == report.Failing && era.Service == "faq-1" && len(of) == 3 &&
			of["$.id"] == report.Worse && of["$.source"] == report.Worse && of["$.survey"] == report.Noise
	})
	if out := d.paste(d.command("_demo/mend")); !strings.Contains(out, "second build") {
		d.t.Errorf("mending the service says %q", out)
	}
	d.patiently("the second build to meet the gate", func() bool {
		verdict, of, era := judged()
		return verdict == report.Met && era.Number == 2 && era.Service == "faq-2" && era.Compared >= 300 && of["$.id"] == "" && of["$.source"] == ""
	})
}

// patiently waits for what takes a minute at the pace of the demo's users, and on a
// machine that is slow as long as that takes; it asks once a second, for each question
// is a process.
func (d *demo) patiently(what string, condition func() bool) {
	d.t.Helper()
	deadline := time.After(5 * time.Minute)
	for !condition() {
		select {
		case <-deadline:
			d.t.Fatalf("waited in vain for: %s", what)
		case <-time.After(time.Second):
		}
	}
}
