package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func sessionsTrigger() *cobra.Command {
	var config, adapter string
	cmd := command("trigger", "Prints the SQL by which PostgreSQL tells of sessions that end",
		"Prints the SQL that makes the trigger which `listen` in the configuration's sessions block needs: on the table of sessions, for the channel, both as configured.\n"+
			"Whoever owns the table runs it, once; it may be run again. No server and no database is asked.",
		cobra.NoArgs, func(_ context.Context, t *terminal, _ []string) error {
			app, err := loadApp(config, adapter)
			if err != nil {
				return err
			}
			sql, err := app.SessionTrigger()
			if err != nil {
				return fmt.Errorf("%s: %w", config, err)
			}
			if t.json {
				return t.printJSON(map[string]string{"sql": sql})
			}
			_, err = fmt.Fprint(t.out, sql)
			return err
		})
	cmd.Flags().StringVarP(&config, "config", "c", "Caddyfile", "Caddyfile or JSON configuration with the sessions block")
	cmd.Flags().StringVarP(&adapter, "adapter", "a", "", "adapter for --config")
	cmd.Example = `  strangler sessions trigger --config Caddyfile | psql monolith`
	return cmd
}
