package main

import (
	"bufio"
	"bytes"
	"context"
	"debug/buildinfo"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine is what the run ran on.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Arch   string `json:"arch"`
	// Hypervisor is true on a virtual machine: expect neighbours.
	Hypervisor bool `json:"hypervisor"`
}

func thisMachine() machine {
	m := machine{Cores: runtime.NumCPU(), Arch: runtime.GOARCH, CPU: "unknown"}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU, m.Hypervisor = parseCPUInfo(text)
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	return m
}

// parseCPUInfo reads the first processor of /proc/cpuinfo (proc_cpuinfo(5)).
func parseCPUInfo(text []byte) (model string, hypervisor bool) {
	model = "unknown"
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan() && lines.Text() != ""; {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch strings.TrimSpace(name) {
		case "model name":
			model = strings.TrimSpace(value)
		case "flags":
			hypervisor = strings.Contains(value+" ", " hypervisor ")
		}
	}
	return model, hypervisor
}

// versions says what was measured, by name; a peer that is not installed says
// so.
func versions(ctx context.Context, o *options) map[string]string {
	known := map[string]string{"bench": runtime.Version()}
	if info, err := buildinfo.ReadFile(o.binary); err == nil {
		known["go"] = info.GoVersion
		for _, dependency := range info.Deps {
			if dependency.Path == "github.com/caddyserver/caddy/v2" {
				known["caddy"] = dependency.Version
			}
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				known["strangler"] = setting.Value
			}
			if setting.Key == "vcs.modified" && setting.Value == "true" {
				known["strangler"] += " with changes"
			}
		}
	}
	for _, name := range o.peers {
		known[name] = peerVersion(ctx, name)
	}
	return known
}

// peerVersion is the first line that NAME -v prints, to stdout or stderr.
func peerVersion(ctx context.Context, name string) string {
	if _, err := exec.LookPath(name); err != nil {
		return notInstalled
	}
	text, err := exec.CommandContext(ctx, name, "-v").CombinedOutput()
	if err != nil {
		return err.Error()
	}
	line, _, _ := strings.Cut(string(text), "\n")
	line, _, _ = strings.Cut(line, " - ") // HAProxy's web site
	return strings.TrimPrefix(strings.TrimPrefix(line, "nginx version: nginx/"), "HAProxy version ")
}

const notInstalled = "not installed"
