package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
)

func TestTakenPortsAreNamed(t *testing.T) {
	t.Parallel()
	// Somebody else may have it already, which is as good.
	if listener, err := net.Listen("tcp", helpdesk.DefaultAddresses().Proxy); err == nil {
		defer listener.Close()
	}
	_, err := choosePorts("")
	if err == nil || !strings.Contains(err.Error(), "the proxy: 127.0.0.1:8080 is taken") || !strings.Contains(err.Error(), "-ports free") {
		t.Errorf("choosePorts = %v", err)
	}
	if a, err := choosePorts("free"); err != nil || a.Proxy == a.Monolith {
		t.Errorf("choosePorts(free) = %v, %v", a, err)
	}
	if _, err := choosePorts("some"); err == nil {
		t.Error("choosePorts(some) has no error")
	}
}

func TestRunFolderIsOursAloneAndEmpty(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "run")
	first, err := makeRunDir(path)
	if err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(path, "old")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := makeRunDir(path); err == nil || !strings.Contains(err.Error(), "another demo runs") {
		t.Errorf("a second demo in the same folder: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := makeRunDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("what the last run left is still there: %v", err)
	}
}

func TestRunFolderOfOthersIsLeftAlone(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	precious := filepath.Join(path, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := makeRunDir(path); err == nil {
		t.Error("a folder with foreign files was taken")
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}
