package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/rollout"
)

func keysFamily(cmd *cobra.Command) { family(cmd, keysList(), keysRotate(), keysRevoke()) }

func keysList() *cobra.Command {
	var f serverFlags
	cmd := command("list", "Lists the keys that sign tokens, did, or will", "", cobra.NoArgs,
		func(ctx context.Context, t *terminal, _ []string) error {
			server, err := f.open()
			if err != nil {
				return err
			}
			var keys engine.Keys
			if err := server.get(ctx, admin.PathKeys, &keys); err != nil {
				return err
			}
			if t.json {
				return t.printJSON(keys)
			}
			printKeys(t, keys)
			return nil
		})
	f.add(cmd)
	return cmd
}

func printKeys(t *terminal, keys engine.Keys) {
	t.line("issuer %s, version %d", keys.Issuer, keys.Version)
	rows := make([][]cell, 0, len(keys.Keys))
	for _, k := range keys.Keys {
		row := cells(k.ID, string(k.Algorithm), string(k.Phase), moment(k.Published), moment(k.Signs), moment(k.Retires), moment(k.Gone))
		if k.Phase == token.Signing {
			row[2].style = green
		}
		rows = append(rows, row)
	}
	t.table([]string{"KEY", "ALGORITHM", "PHASE", "PUBLISHED", "SIGNS FROM", "UNTIL", "GONE"}, rows)
	if !keys.NoTokensUntil.IsZero() {
		t.styled(yellow, "no key signs: there are no tokens until %s; the monolith serves routes that need one", moment(keys.NoTokensUntil))
	}
}

// keyFlags are those of what changes keys.
type keyFlags struct {
	serverFlags
	how actFlags
}

func (f *keyFlags) add(cmd *cobra.Command) {
	f.serverFlags.add(cmd)
	cmd.Flags().StringVar(&f.how.by, "by", "", "who makes the change (default USER@HOST)")
	cmd.Flags().StringVar(&f.how.reason, "reason", "", "why; kept in the record")
	cmd.Flags().Uint64Var(&f.how.ifVersion, "if-version", 0, "only if nobody has changed the keys since this version (see: keys list); else exit code 5")
	cmd.Flags().BoolVar(&f.how.dryRun, "dry-run", false, "say what would change, and change nothing")
}

func (f *keyFlags) change(ctx context.Context, t *terminal, path string, body admin.KeyRequest) error {
	server, err := f.open()
	if err != nil {
		return err
	}
	body.Act = f.how.act()
	var made engine.KeyChange
	if err := server.post(ctx, path, body, &made); err != nil {
		return err
	}
	if t.json {
		return t.printJSON(made)
	}
	if made.Act.DryRun {
		t.styled(yellow, "dry run, nothing is changed; this would be:")
	}
	did := "key %s signs from now on (%s)"
	if made.Verb == rollout.VerbKeyRevoke {
		did = "key %s is revoked: verifiers refuse what it signed as soon as they ask for the keys again (%s)"
	}
	t.line(did, made.After.Key, who(made.Act.By, made.Act.Reason))
	printKeys(t, made.Keys)
	if !made.Stored && !made.Act.DryRun {
		t.problem("warning", "the keys are changed, but the journal has not taken it yet; the server goes on trying")
	}
	return nil
}

func keysRotate() *cobra.Command {
	var f keyFlags
	cmd := command("rotate", "Lets the next key sign from now on",
		"Lets the next key sign from now on, before its time. The key before it stays published, so no token is refused. It is refused while verifiers may not know the next\n"+
			"key yet, with the time from which on it can be done.", cobra.NoArgs,
		func(ctx context.Context, t *terminal, _ []string) error {
			return f.change(ctx, t, admin.PathKeyRotate, admin.KeyRequest{})
		})
	f.add(cmd)
	cmd.Example = `  strangler keys rotate --reason "who made backups has left" --dry-run`
	return cmd
}

func keysRevoke() *cobra.Command {
	var f keyFlags
	var body admin.KeyRequest
	cmd := command("revoke KEY", "Removes a key at once: it leaked",
		"Removes a key at once: it leaked. The next takes its place if verifiers know it; else there would be no tokens for up to 75 minutes, in which the monolith serves\n"+
			"routes that need one: that is refused, with the time, unless --no-tokens says that it may be. --reason is required. A KEY that begins with - stands last, behind --.", cobra.ExactArgs(1),
		func(ctx context.Context, t *terminal, args []string) error {
			if f.how.reason == "" {
				return usage(`a reason is required: %s --reason "why" -- %s`, t.commandPath, args[0])
			}
			body.Key = args[0]
			return f.change(ctx, t, admin.PathKeyRevoke, body)
		})
	f.add(cmd)
	cmd.Flags().BoolVar(&body.NoTokens, "no-tokens", false, "revoke it though then no key signs for a while")
	cmd.Example = `  strangler keys revoke dQw4w9WgXcQ… --reason "backup of the store leaked" --no-tokens
  strangler keys revoke --reason "backup of the store leaked" -- -Qw4w9WgXcQ…`
	return cmd
}
