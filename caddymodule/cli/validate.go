package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// speakUp makes Caddy's own run, validate and adapt --validate say on standard error
// why they end. By themselves they write it to the log that the configuration asks
// for, which may be a file; what only checks would write into the one of the running
// server. Caddy's commands are only to be had from the command line that one of ours
// is part of, and that is whole when it is run.
func speakUp(ours *cobra.Command) {
	cobra.OnInitialize(func() {
		for _, cmd := range ours.Root().Commands() {
			theirs := cmd.RunE
			switch cmd.Name() {
			case "run":
				cmd.RunE = func(cmd *cobra.Command, args []string) error {
					err := theirs(cmd, args)
					newTerminal(cmd).report(cause(err))
					return err
				}
			case "validate":
				cmd.RunE = func(cmd *cobra.Command, _ []string) error {
					err := cause(validate(cmd))
					t := newTerminal(cmd)
					if err == nil {
						t.line("Valid configuration")
					}
					return exit(cmd, t.report(err))
				}
			case "adapt":
				cmd.RunE = func(cmd *cobra.Command, args []string) error {
					flags := caddycmd.Flags{FlagSet: cmd.Flags()}
					if !flags.Bool("validate") || flags.String("config") == "-" { // which is read once
						return theirs(cmd, args)
					}
					if err := validate(cmd); err != nil {
						return exit(cmd, newTerminal(cmd).report(cause(err)))
					}
					return errors.Join(cmd.Flags().Set("validate", "false"), theirs(cmd, args))
				}
			}
		}
	})
}

// cause is an error without the way by which Caddy came to our app, which is every
// layer of the site that asked for it first.
func cause(err error) error {
	if err == nil {
		return nil
	}
	if _, ours, found := strings.Cut(err.Error(), ": provision strangler: "); found {
		return errors.New(ours)
	}
	return err
}

// validate is Caddy's, but that no log is opened: warnings while the configuration
// is provisioned go to standard error.
func validate(cmd *cobra.Command) error {
	caddy.BufferedLog() // what matters is an error, or goes to the log that closeLogs leaves
	if err := readEnvironment(cmd); err != nil {
		return err
	}
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	data, _, _, err := caddycmd.LoadConfig(cmp.Or(flags.String("config"), "Caddyfile"), flags.String("adapter"))
	if err != nil {
		return err
	}
	var config *caddy.Config
	if err := caddy.StrictUnmarshalJSON(caddy.RemoveMetaFields(data), &config); err != nil {
		return fmt.Errorf("decoding the configuration: %w", err)
	}
	if config == nil {
		return errors.New("the configuration is empty")
	}
	if config.Logging == nil {
		config.Logging = new(caddy.Logging)
	}
	if err := closeLogs(config.Logging); err != nil {
		return err
	}
	return caddy.Validate(config)
}

// closeLogs checks what the logs write to without opening it, and has the default
// log write warnings to standard error and the others nothing.
func closeLogs(l *caddy.Logging) error {
	if l.Logs == nil {
		l.Logs = map[string]*caddy.CustomLog{}
	}
	if l.Logs[caddy.DefaultLoggerName] == nil {
		l.Logs[caddy.DefaultLoggerName] = new(caddy.CustomLog)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	for name, log := range l.Logs {
		if log == nil {
			continue
		}
		if err := checkWriter(ctx, log.WriterRaw); err != nil {
			return fmt.Errorf("log %s: %w", name, err)
		}
		log.WriterRaw = json.RawMessage(`{"output":"discard"}`)
		if name == caddy.DefaultLoggerName {
			log.WriterRaw, log.Level = nil, "WARN"
		}
	}
	if l.Sink != nil {
		if err := checkWriter(ctx, l.Sink.WriterRaw); err != nil {
			return fmt.Errorf("log sink: %w", err)
		}
		l.Sink.WriterRaw = nil
	}
	return nil
}

// checkWriter provisions a writer of logs, which opens nothing.
func checkWriter(ctx caddy.Context, raw json.RawMessage) error {
	if len(raw) == 0 {
		return nil
	}
	var options map[string]json.RawMessage
	var output string
	if err := json.Unmarshal(raw, &options); err != nil {
		return err
	}
	if err := json.Unmarshal(options["output"], &output); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	delete(options, "output")
	rest, err := json.Marshal(options)
	if err != nil {
		return err
	}
	_, err = ctx.LoadModuleByID("caddy.logging.writers."+output, rest)
	return err
}

// readEnvironment reads the files of --envfile as Caddy does for each of its
// commands. It exports that with none of them alone; the shortest is the one that
// then prints the environment.
func readEnvironment(cmd *cobra.Command) error {
	files, err := cmd.Flags().GetStringSlice("envfile")
	if err != nil || len(files) == 0 {
		return err
	}
	environ := new(cobra.Command)
	caddycmd.Commands()["environ"].CobraFunc(environ)
	for _, file := range files {
		if err := environ.Flags().Set("envfile", file); err != nil {
			return err
		}
	}
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer nowhere.Close()
	stdout := os.Stdout
	os.Stdout = nowhere
	defer func() { os.Stdout = stdout }()
	return environ.RunE(environ, nil)
}
