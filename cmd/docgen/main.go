// Command docgen writes docs/reference from the definitions that the binary is
// built of, so that no reference can say something else than the code does. Its
// test fails when a committed page differs; `go generate ./cmd/docgen` mends it.
package main

//go:generate go run . -to ../../docs/reference

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

// page is one generated file: its name, its title, what a reader should know
// first, and what writes the rest.
type page struct {
	file, title, intro string
	write              func(*bytes.Buffer) error
}

var pages = []page{
	{"cli.md", "Command line", "Beside Caddy's own commands (`strangler help`) there are these.", commandLine},
	{"route-table.md", "Route table", routeTableIntro, routeTable},
	{"problems.md", "Problems of a route table", problemsIntro, problems},
	{"metrics.md", "Metrics", metricsIntro, metrics},
}

const header = "<!-- Written by cmd/docgen; change the definitions, then run: go generate ./cmd/docgen -->\n"

func main() {
	to := flag.String("to", "docs/reference", "folder to write to")
	flag.Parse()
	for _, p := range pages {
		text, err := p.render()
		if err == nil {
			err = os.WriteFile(filepath.Join(*to, p.file), text, 0o644) //nolint:gosec // documentation is for everybody
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}

func (p page) render() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n# %s\n\n%s\n\n", header, p.title, p.intro)
	if err := p.write(&b); err != nil {
		return nil, fmt.Errorf("%s: %w", p.file, err)
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n'), nil
}
