package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	// Registers our commands.
	_ "github.com/strangler-proxy/strangler/caddymodule"
)

// exitCodes begins what every command's help ends with; the page says it once.
const exitCodes = "\nExit codes:"

// families are our commands, in the order of the page.
var families = []string{"routes", "rollout", "shadow", "sessions", "keys", "token", "brake"}

func commandLine(b *bytes.Buffer) error {
	registered := caddycmd.Commands()
	_, codes, _ := strings.Cut(registered[families[0]].Long, exitCodes)
	fmt.Fprintf(b, "%s\n\n", strings.TrimSpace(exitCodes+codes))
	root := &cobra.Command{Use: "strangler"}
	for _, name := range families {
		family, ok := registered[name]
		if !ok || family.CobraFunc == nil {
			return errors.New("no command " + name)
		}
		cmd := &cobra.Command{Use: strings.TrimSpace(name + " " + family.Usage), Short: family.Short, Long: family.Long}
		family.CobraFunc(cmd)
		root.AddCommand(cmd)
		describe(b, cmd)
	}
	return nil
}

// describe writes one command and those below it.
func describe(b *bytes.Buffer, cmd *cobra.Command) {
	about, _, _ := strings.Cut(cmd.Long, exitCodes)
	fmt.Fprintf(b, "## %s\n\n%s\n\n", cmd.CommandPath(), strings.TrimSpace(about))
	if cmd.Runnable() {
		fmt.Fprintf(b, "```\n%s\n```\n\n", cmd.UseLine())
	}
	if cmd.Example != "" {
		fmt.Fprintf(b, "```sh\n%s\n```\n\n", unindent(cmd.Example))
	}
	rows := 0
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if rows++; rows == 1 {
			b.WriteString("| flag | meaning |\n|---|---|\n")
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := strings.TrimSpace("--" + f.Name + " " + kind)
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, cellText(usage))
	})
	if rows > 0 {
		b.WriteByte('\n')
	}
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			describe(b, child)
		}
	}
}

func unindent(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}

// cellText makes a text fit into a cell of a table.
func cellText(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
