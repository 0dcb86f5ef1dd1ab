package process_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/strangler-proxy/strangler/internal/process"
)

func TestMain(m *testing.M) {
	if os.Getenv("PROCESS_TEST_PARENT") == "1" {
		beParent()
		return
	}
	goleak.VerifyTestMain(m)
}

// beParent starts a child, says its PID and waits to be killed.
func beParent() {
	child, err := process.Start(process.Command{Path: "sleep", Args: []string{"600"}})
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString(strconv.Itoa(child.PID()) + "\n")
	<-child.Done()
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// waitGone waits until a process is gone; an orphan's remains are init's.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !gone(pid) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("process %d still runs", pid)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestStopEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	out := &process.Tail{}
	p, err := process.Start(process.Command{
		Path: "sh", Args: []string{"-c", `trap "exit 0" TERM; sleep 600 & echo $!; wait`}, Output: out,
	})
	if err != nil {
		t.Fatal(err)
	}
	var grandchild int
	err = p.Ready(t.Context(), func(context.Context) (err error) {
		grandchild, err = strconv.Atoi(strings.TrimSpace(out.String()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	waitGone(t, grandchild)
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	t.Parallel()
	out := &process.Tail{}
	p, err := process.Start(process.Command{Name: "deaf", Path: "sh", Args: []string{"-c", `trap "" TERM; echo up; while :; do sleep 1; done`}, Output: out})
	if err != nil {
		t.Fatal(err)
	}
	err = p.Ready(t.Context(), func(context.Context) error {
		if !strings.Contains(out.String(), "up") {
			return errors.New("not up")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(50 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "deaf") {
		t.Errorf("Stop = %v, want an error that names the program", err)
	}
	waitGone(t, p.PID())
}

func TestReadyTellsOfAProgramThatEnded(t *testing.T) {
	t.Parallel()
	p, err := process.Start(process.Command{Name: "short", Path: "sh", Args: []string{"-c", "exit 3"}})
	if err != nil {
		t.Fatal(err)
	}
	err = p.Ready(t.Context(), func(context.Context) error { return errors.New("refused") })
	if !errors.Is(err, process.ErrExited) || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("Ready = %v", err)
	}
}

func TestChildDiesWithItsParent(t *testing.T) {
	t.Parallel()
	out := &process.Tail{}
	parent, err := process.Start(process.Command{Path: os.Args[0], Env: []string{"PROCESS_TEST_PARENT=1"}, Output: out})
	if err != nil {
		t.Fatal(err)
	}
	var child int
	err = parent.Ready(t.Context(), func(context.Context) (err error) {
		child, err = strconv.Atoi(strings.TrimSpace(out.String()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// Not the group: the child has its own, which nobody is left to end.
	parent.Signal(syscall.SIGKILL)
	<-parent.Done()
	waitGone(t, child)
}

func TestFreeTellsWhatIsTaken(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := listener.Addr().String()
	if err := process.Free(address); err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("Free of a taken address = %v", err)
	}
}
