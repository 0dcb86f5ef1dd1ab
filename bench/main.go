package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// The exit codes.
const (
	exitBroken  = 1 // the run failed, or with -check a line is broken
	exitUsage   = 2 // the flags do not make sense
	exitUnclear = 3 // with -check: no line is broken, but the machine was too noisy to say so of all
)

func main() {
	os.Exit(dispatch(os.Args[1:]))
}

// dispatch runs one of the program's processes; without a subcommand it is the
// run itself.
func dispatch(args []string) int {
	role := ""
	if len(args) > 0 {
		role = args[0]
	}
	var err error
	switch role {
	case "pin":
		err = pin(args[1:])
	case "origin":
		spareCollector()
		err = serveOrigin(os.Stdin, os.Stdout)
	case "load":
		spareCollector()
		err = serveLoad(os.Stdin, os.Stdout)
	default:
		return bench(args, os.Stdout, os.Stderr)
	}
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "bench %s: %v\n", role, err)
		return exitBroken
	}
	return 0
}

// spareCollector has the garbage of origin and load generator collected when there is
// half a gibibyte of it, not every 4 MiB: they share a core, and the collector of the
// one would be measured as the proxies' latency; twice as often where each request
// is asked twice.
func spareCollector() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(512 << 20)
}

// bench is the run: flags in, table, files and exit code out.
func bench(args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "bench:", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	result, err := run(ctx, o, stderr)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "bench:", err)
		return exitBroken
	}
	if err := publish(result, o.out, stdout); err != nil {
		_, _ = fmt.Fprintln(stderr, "bench:", err)
		return exitBroken
	}
	return result.exitCode(o.check)
}
