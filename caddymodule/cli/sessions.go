package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/identity"
)

func sessionsFamily(cmd *cobra.Command) { family(cmd, sessionsInspect(), sessionsTrigger()) }

// inspectFlags say how a session is judged.
type inspectFlags struct {
	serverFlags
	at          string
	show, batch bool
}

// inspector judges one cookie.
type inspector func(ctx context.Context, cookie string) (identity.Inspection, error)

const maxCookieInput = 128 << 10 // bytes of standard input; what more has is no cookie

func sessionsInspect() *cobra.Command {
	var f inspectFlags
	cmd := command("inspect", "Says whose a session is, and why it is or is not accepted",
		"Reads the value of the monolith's session cookie, or a whole Cookie header, from standard input, and says whose session it is, or why it is nobody's, step by\n"+
			"step. With --config the file says how sessions are read, and no server is needed; else the running server is asked. The cookie is never printed, logged or kept,\n"+
			"and what is known of the user is hidden without --show.\n\n"+
			"With --at the times in cookie and store are judged as of then; what the store has deleted since is not brought back.\n\n"+
			"With --batch it reads lines of {\"cookie\": \"…\"} and answers each with one line of JSON, in order, as they come; a line that cannot be judged is answered with\n"+
			"an error of its own, and the exit code is 0.",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error { return f.run(ctx, t, os.Stdin) })
	cmd.Flags().StringVar(&f.address, "address", "", "admin address of the running server (default: $CADDY_ADMIN, else localhost:2019)")
	cmd.Flags().StringVarP(&f.config, "config", "c", "", "Caddyfile or JSON configuration that says how sessions are read; no server is asked")
	cmd.Flags().StringVarP(&f.adapter, "adapter", "a", "", "adapter for --config")
	cmd.Flags().StringVar(&f.at, "at", "", "judge as of this `time`: 2006-01-02T15:04:05Z, or 24h for that long ago")
	cmd.Flags().BoolVar(&f.show, "show", false, "print what is known of the user in clear")
	cmd.Flags().BoolVar(&f.batch, "batch", false, "judge lines of JSON")
	cmd.Example = `  pbpaste | strangler sessions inspect
  strangler sessions inspect --config Caddyfile --at 2026-03-01T03:00:00Z < cookie.txt
  strangler sessions inspect --batch < cookies.jsonl`
	return cmd
}

func (f *inspectFlags) run(ctx context.Context, t *terminal, in io.Reader) error {
	at, err := instant("--at", f.at, time.Now())
	if err != nil {
		return err
	}
	inspect, by, end, err := f.open(ctx, at)
	if err != nil {
		return err
	}
	if f.batch {
		return errors.Join(inspectLines(ctx, t, in, inspect), end())
	}
	text, err := io.ReadAll(io.LimitReader(in, maxCookieInput+1))
	cookie := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		err = fmt.Errorf("reading standard input: %w", err)
	case cookie == "":
		err = usage("there is nothing on standard input; write: %s < FILE", t.commandPath)
	case len(text) > maxCookieInput:
		err = usage("standard input has more than %d bytes, which is no cookie", maxCookieInput)
	default:
		err = f.one(ctx, t, cookie, by, inspect)
	}
	return errors.Join(err, end())
}

// open makes what judges: by the file, or by asking the server.
func (f *inspectFlags) open(ctx context.Context, at time.Time) (inspect inspector, by string, end func() error, err error) {
	if f.config != "" {
		if f.address != "" {
			return nil, "", nil, usage("--config needs no server, so --address says nothing")
		}
		inspect, end, err = inspectOffline(ctx, f.config, f.adapter, at, f.show)
		return inspect, "by " + f.config + ", without a server", end, err
	}
	server, err := f.serverFlags.open()
	if err != nil {
		return nil, "", nil, err
	}
	by = "by the server at " + server.address + "; without one: --config FILE"
	return func(ctx context.Context, cookie string) (found identity.Inspection, err error) {
		err = server.post(ctx, admin.PathInspect, admin.InspectRequest{Cookie: cookie, At: at, Show: f.show}, &found)
		if gone, ok := errors.AsType[*failure](err); ok && gone.code == ExitUnreachable {
			gone.hint = "is it elsewhere? say --address HOST:PORT; without a server, --config FILE asks the stores themselves"
		}
		return found, err
	}, by, func() error { return nil }, nil
}

func (f *inspectFlags) one(ctx context.Context, t *terminal, cookie, by string, inspect inspector) error {
	found, err := inspect(ctx, cookie)
	if err != nil {
		return err
	}
	if t.json {
		if err := t.printJSON(found); err != nil {
			return err
		}
	} else {
		printInspection(t, found)
		if found.Outcome == identity.OutcomePrincipal && f.at != "" {
			printBegin(t, found)
		}
		t.line("judged %s", by)
	}
	switch found.Outcome {
	case identity.OutcomePrincipal:
		return nil
	case identity.OutcomeAnonymous:
		return &failure{code: ExitAnonymous, err: errors.New("")}
	}
	return &failure{code: ExitUnavailable, err: errors.New("")}
}

// printBegin says whether the session was there at all at a time that --at names:
// of most sessions only their end can be seen.
func printBegin(t *terminal, i identity.Inspection) {
	switch {
	case i.AuthTime.IsZero():
		t.styled(yellow, "note: when the session began is not known; at %s it may not have been there yet", moment(i.At))
	case i.AuthTime.After(i.At):
		t.styled(yellow, "note: at %s there was no such session yet: the user signed in at %s", moment(i.At), moment(i.AuthTime))
	}
}

func printInspection(t *terminal, i identity.Inspection) {
	switch i.Outcome {
	case identity.OutcomePrincipal:
		t.styled(green, "principal: %s", i.Subject)
	case identity.OutcomeAnonymous:
		t.styled(yellow, "anonymous: %s (%s)", i.Meaning, i.Reason)
	default:
		t.styled(red, "unavailable: %s (%s)", i.Meaning, i.Reason)
	}
	if i.Error != "" {
		for line := range strings.SplitSeq(i.Error, "\n") {
			t.line("error: %s", line)
		}
	}
	for _, step := range i.Steps {
		t.line("  ok    %s", step)
	}
	if i.Meaning != "" {
		t.line("  stop  %s", i.Meaning)
	}
	for _, fact := range [][2]string{
		{"ends", moment(i.Expires)}, {"signed in", moment(i.AuthTime)}, {"by", i.Backend}, {"really acts", i.Actor}, {"an end at the store counts", i.EndCounts},
	} {
		if fact[1] != "" {
			t.line("%s: %s", fact[0], fact[1])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(i.Attributes)) {
		t.line("%s: %v", name, i.Attributes[name])
	}
	if i.Irrevocable != "" {
		t.styled(yellow, "note: %s", i.Irrevocable)
	}
}
