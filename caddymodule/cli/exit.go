package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// The exit codes of every command here. Scripts may rely on them.
const (
	ExitOK          = 0 // done
	ExitError       = 1 // refused or failed; standard error says why
	ExitUsage       = 2 // the command line is wrong; nothing was done
	ExitFindings    = 3 // done, and what was looked for is there: lint found an error, status --check something wrong, a gate is not met
	ExitUnreachable = 4 // nobody answers: no server at the admin address, and nothing was done; or, of a replay, the target to no request
	ExitConflict    = 5 // somebody else changed it meanwhile; with --wait after it was done, else nothing was
	ExitRolledBack  = 6 // done, and while waiting a guard rolled the rollout back or stopped it
	ExitStopped     = 7 // done, and while waiting somebody held, paused or aborted the rollout
	ExitAnonymous   = 8 // sessions inspect: nobody is signed in
	ExitUnavailable = 9 // sessions inspect: it could not be found out; the monolith serves
)

const exitHelp = `

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 findings (lint, status --check,
with --fail-on-gate a gate that is not met, with --fail-on-difference a replay that is not equal),
4 nobody answers (no server at the admin address, or a replay's target), 5 somebody else changed it meanwhile;
with --wait also 6 a guard rolled it back or stopped it, 7 somebody stopped it;
sessions inspect also 8 nobody is signed in, 9 it could not be found out.`

// failure is an error with its exit code and, where there is one, the way out.
type failure struct {
	code  int
	err   error
	hint  string
	told  any  // what --json prints of it; nil: nothing
	later bool // the server could not say now, and may soon
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// errFindings ends a command that has printed what it found.
var errFindings = &failure{code: ExitFindings, err: errors.New("")}

func usage(format string, args ...any) error {
	return &failure{code: ExitUsage, err: fmt.Errorf(format, args...)}
}

// action is what a command does. It prints its result to the terminal it is
// given and returns what went wrong.
type action func(ctx context.Context, t *terminal, args []string) error

// run makes an action a cobra command's RunE: it prints the error once, in one
// form, and turns it into the exit code. Interrupt cancels the context.
func run(act action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		t := newTerminal(cmd)
		return exit(cmd, t.report(act(ctx, t, args)))
	}
}

// exit leaves with a code the only way Caddy's command line has.
func exit(cmd *cobra.Command, code int) error {
	cmd.SilenceErrors = true
	switch code {
	case ExitOK:
		return nil
	case ExitError:
		return errors.New("reported already")
	}
	return caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return code, nil })(cmd, nil)
}

// report prints an error and returns the exit code.
func (t *terminal) report(err error) int {
	if err == nil {
		return ExitOK
	}
	code, hint := ExitError, ""
	if f := (*failure)(nil); errors.As(err, &f) {
		code, hint = f.code, f.hint
		if t.json && f.told != nil {
			if printed := t.printJSON(f.told); printed != nil {
				t.problem("error", printed.Error())
			}
		}
	}
	if text := err.Error(); text != "" {
		t.problem("error", text)
	}
	if code == ExitUsage && hint == "" {
		hint = "see: " + t.commandPath + " --help"
	}
	if hint != "" {
		t.problem("hint", hint)
	}
	return code
}

// strict makes every wrong use of cmd, by whichever part of cobra it is found,
// a usage error: unknown flags, wrong arguments, unknown subcommands.
func strict(cmd *cobra.Command, args cobra.PositionalArgs) {
	fail := func(cmd *cobra.Command, err error) error {
		t := newTerminal(cmd)
		return exit(cmd, t.report(err))
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return fail(cmd, flagError(cmd, err)) })
	cmd.Args = func(cmd *cobra.Command, given []string) error {
		if args(cmd, given) != nil {
			return fail(cmd, argumentError(cmd, given))
		}
		return nil
	}
}

// ownHelp ends the help of a command, and of those below it, without the address of
// Caddy's documentation, which has nothing of them.
func ownHelp(cmd *cobra.Command) { cmd.SetHelpTemplate(new(cobra.Command).HelpTemplate()) }

// family is a command that only holds others.
func family(cmd *cobra.Command, children ...*cobra.Command) {
	strict(cmd, cobra.ArbitraryArgs)
	ownHelp(cmd)
	cmd.Use = cmd.Name() + " COMMAND"
	cmd.DisableFlagsInUseLine = true
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(children...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		hint := ""
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			hint = "did you mean: " + cmd.CommandPath() + " " + near[0]
		}
		t := newTerminal(cmd)
		return exit(cmd, t.report(&failure{
			code: ExitUsage,
			err:  fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0]),
			hint: hint,
		}))
	}
}
