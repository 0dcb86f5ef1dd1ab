package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/cli"
)

const examples = `  strangler run --config Caddyfile
  strangler rollout status
  strangler brake "incident 4711"`

// top answers what Caddy's own top command would answer in Caddy's words: no
// command, a wish for help, and a command that there is not. done is false when
// args are for one of the commands.
func top(args []string) (code int, done bool) {
	root := &cobra.Command{Use: "strangler", Long: description, Example: examples}
	add := func(name, short string) {
		root.AddCommand(&cobra.Command{Use: name, Short: short, Run: func(*cobra.Command, []string) {}})
	}
	for name, c := range caddycmd.Commands() {
		add(name, c.Short)
	}
	add("completion", "Generates completion for a shell") // these three are not registered
	add("help", "Help about any command")
	add("manpage", "Generates the manual pages")
	root.SuggestionsMinimumDistance = 2
	switch {
	case len(args) == 0 || len(args) == 1 && slices.Contains([]string{"help", "-h", "--help"}, args[0]):
		root.SetOut(os.Stdout)
		return 0, root.Help() == nil
	case strings.HasPrefix(args[0], "-"), strings.HasPrefix(args[0], cobra.ShellCompRequestCmd),
		slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == args[0] }):
		return 0, false
	}
	fmt.Fprintf(os.Stderr, "error: strangler has no command %q\n", args[0])
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		fmt.Fprintln(os.Stderr, "hint: did you mean: strangler", near[0])
	} else {
		fmt.Fprintln(os.Stderr, "hint: all commands: strangler help")
	}
	return cli.ExitUsage, true
}
