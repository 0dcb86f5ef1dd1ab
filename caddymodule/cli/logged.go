package cli

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
)

// logged tells whether Caddy's run, which ended with err, has written that into a log
// that is standard error: saying it again would be twice. Where the log is by now
// can only be learned from the configuration, so that is read again; when that does not
// tell, it is not taken for logged.
func logged(cmd *cobra.Command, err error) bool {
	if caddy.Log().Check(zap.ErrorLevel, "") == nil {
		return false // the log is of another level, or leaves this out
	}
	caddy.BufferedLog() // what reading says was said the first time
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	if flags.Bool("resume") || flags.String("config") == "-" { // which is read once
		return false
	}
	data, _, _, again := caddycmd.LoadConfig(flags.String("config"), flags.String("adapter"))
	if again != nil {
		return again.Error() == err.Error() // it did not come to another log
	}
	return logsToStderr(data)
}

// logsToStderr tells whether the default log of a configuration is standard error.
func logsToStderr(data []byte) bool {
	var config struct {
		Logging struct {
			Logs map[string]struct {
				Writer struct {
					Output string `json:"output"`
				} `json:"writer"`
			} `json:"logs"`
		} `json:"logging"`
	}
	if len(data) == 0 {
		return true
	}
	if err := json.Unmarshal(caddy.RemoveMetaFields(data), &config); err != nil {
		return false
	}
	output := config.Logging.Logs[caddy.DefaultLoggerName].Writer.Output
	return output == "" || output == "stderr"
}
