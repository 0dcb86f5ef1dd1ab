package cli

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/notify"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
)

// historyFlags are what the journal is filtered by.
type historyFlags struct {
	serverFlags
	rollout.Query
	verb, since, until string
}

func rolloutHistory() *cobra.Command {
	var f historyFlags
	cmd := command("history [ROUTE]", "Lists the changes that were made",
		"Lists the changes that were made, newest first: who, when, from where, what, why, and the version it led to. Without ROUTE those of all routes and of\n"+
			"the brake, which stands there as *, and of the keys that sign tokens, as *keys. With --json it exports all that the filters select as JSON lines, oldest first.",
		cobra.MaximumNArgs(1), func(ctx context.Context, t *terminal, args []string) error {
			if len(args) == 1 {
				f.Route = args[0]
			}
			if err := f.read(time.Now()); err != nil {
				return err
			}
			server, err := f.open()
			if err != nil {
				return err
			}
			if t.json {
				return f.export(ctx, t, server)
			}
			return f.page(ctx, t, server)
		})
	f.add(cmd)
	cmd.Flags().StringVar(&f.Actor, "actor", "", "only what this one did, such as anna@host")
	cmd.Flags().StringVar(&f.Source, "source", "", "only what came from cli, console, api, controller, guard or ledger")
	cmd.Flags().StringVar(&f.verb, "verb", "", "only this verb, such as set, hold, advance, roll_back, brake")
	cmd.Flags().StringVar(&f.since, "since", "", "only changes from this `time` on: 2006-01-02, 2006-01-02T15:04:05Z, or 24h for that long ago")
	cmd.Flags().StringVar(&f.until, "until", "", "only changes before this `time`")
	cmd.Flags().Uint64Var(&f.Before, "before", 0, "only changes with a lower number: the next page")
	cmd.Flags().IntVar(&f.Limit, "limit", 20, "how many, 1 to 1000; --json has all")
	cmd.ValidArgsFunction = completeRoutes(&f.serverFlags, moving)
	cmd.Example = `  strangler rollout history faq-read
  strangler rollout history --source guard --since 168h
  strangler rollout history --json > journal.jsonl`
	return cmd
}

// read reads the flags that are written otherwise than the query has them.
func (f *historyFlags) read(now time.Time) (err error) {
	if f.Verb = rollout.Verb(f.verb); f.Limit < 1 || f.Limit > rollout.MaxHistory {
		return usage("--limit %d is not 1 to %d", f.Limit, rollout.MaxHistory)
	}
	if f.Verb != "" && !slices.Contains(notify.Verbs, f.Verb) {
		return usage("--verb %q is none; the verbs are %v", f.Verb, notify.Verbs)
	}
	if f.Source != "" && !slices.Contains(notify.Sources, f.Source) {
		return usage("--source %q is none; the sources are %v", f.Source, notify.Sources)
	}
	if f.Since, err = instant("--since", f.since, now); err != nil {
		return err
	}
	f.Until, err = instant("--until", f.until, now)
	return err
}

// instant reads a day, a time, or how long ago.
func instant(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{time.DateOnly, time.DateTime} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil { //nolint:gosmopolitan // who types a day means one of theirs
			return at, nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return time.Time{}, usage("%s %q is no time; write 2006-01-02, 2006-01-02T15:04:05Z or 24h", flag, text)
}

func (f *historyFlags) ask(ctx context.Context, server *server) (answer admin.HistoryAnswer, err error) {
	err = server.get(ctx, admin.PathHistory+"?"+admin.HistoryQuery(f.Query).Encode(), &answer)
	return answer, err
}

func (f *historyFlags) page(ctx context.Context, t *terminal, server *server) error {
	answer, err := f.ask(ctx, server)
	if err != nil {
		return err
	}
	rows := make([][]cell, 0, len(answer.Changes))
	for _, c := range answer.Changes {
		rows = append(rows, cells(strconv.FormatUint(c.Seq, 10), moment(c.At), c.Route, strconv.FormatUint(c.After.Version, 10),
			string(c.Verb), shares(c), c.Act.By, c.Act.Source, c.Act.Reason))
	}
	t.table([]string{"NUMBER", "WHEN", "ROUTE", "VERSION", "VERB", "SHARE", "BY", "FROM", "REASON"}, rows)
	if answer.More {
		t.line("older ones: the same with --before %d", answer.Changes[len(answer.Changes)-1].Seq)
	}
	return nil
}

// shares is the share before and after a change, and that it is held.
func shares(c rollout.Change) string {
	switch c.Route {
	case rollout.AllRoutes:
		return ""
	case rollout.AllKeys:
		return c.After.Key
	}
	before, text := routes.PPM(0), c.After.Share.String()
	if c.Before != nil {
		before = c.Before.Share
	}
	if before != c.After.Share {
		text = before.String() + " → " + text
	}
	if c.After.Hold.Active(c.At) {
		text += ", held"
	}
	return text
}

// export writes all that is selected.
func (f *historyFlags) export(ctx context.Context, t *terminal, server *server) error {
	f.OldestFirst, f.Limit = true, rollout.MaxHistory
	for {
		answer, err := f.ask(ctx, server)
		if err != nil {
			return err
		}
		for _, c := range answer.Changes {
			if err := t.printJSONLine(c); err != nil {
				return err
			}
			f.After = c.Seq
		}
		if !answer.More {
			return nil
		}
	}
}
