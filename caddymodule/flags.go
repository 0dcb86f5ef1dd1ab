package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/strangler-proxy/strangler/flags"
	"github.com/strangler-proxy/strangler/telemetry"
)

// FlagSource is a place where feature flags come from; exactly one field is set.
// Global placeholders are replaced.
type FlagSource struct {
	// FlagdFile is a file of flagd's flag definitions, as JSON. It is watched: an
	// edit is live within a second, a bad edit is refused and shown.
	FlagdFile string `json:"flagd_file,omitempty"`
	// Flagd is the sync port of a flagd, as HOST:PORT; its rules are evaluated in
	// this process.
	Flagd string `json:"flagd,omitempty"`
	// FlagdRPC is the evaluation port of a flagd, as HOST:PORT, which is asked for
	// each user once.
	FlagdRPC string `json:"flagd_rpc,omitempty"`
	// OFREP is the base URL of a server of the OpenFeature Remote Evaluation
	// Protocol, which is asked for each user, and again every 10 s.
	OFREP string `json:"ofrep,omitempty"`
	// Env takes flags from this process's environment: tickets-service is
	// STRANGLER_FLAG_TICKETS_SERVICE, with true or false.
	Env bool `json:"env,omitempty"`
}

// flagWords are the kinds, as they are written in a Caddyfile.
var flagWords = []string{"env", "flagd", "flagd_file", "flagd_rpc", "ofrep"}

// parseFlags reads one line; more of them are asked in their order.
func parseFlags(d *caddyfile.Dispenser, all *[]FlagSource) error {
	const name = "strangler: flags"
	if !d.NextArg() {
		return d.Err(name + ": the kind is missing; write: flags flagd_file <file>")
	}
	var source FlagSource
	var err error
	switch kind := d.Val(); kind {
	case "flagd_file":
		err = oneArg(d, name+" flagd_file", "file", &source.FlagdFile)
	case "flagd":
		err = oneArg(d, name+" flagd", "host:port", &source.Flagd)
	case "flagd_rpc":
		err = oneArg(d, name+" flagd_rpc", "host:port", &source.FlagdRPC)
	case "ofrep":
		err = oneArg(d, name+" ofrep", "url", &source.OFREP)
	case "env":
		source.Env = true
		err = noMoreArgs(d, name+" env")
	default:
		err = unknownWord(d, name, kind, flagWords)
	}
	*all = append(*all, source)
	return err
}

// flagIdentity is the sources as JSON, with placeholders replaced and paths made
// absolute; empty when there are none.
func flagIdentity(all []FlagSource) (string, error) {
	if len(all) == 0 {
		return "", nil
	}
	resolved := make([]FlagSource, len(all))
	for i, source := range all {
		fields, set := []*string{&source.Flagd, &source.FlagdRPC, &source.OFREP}, 0
		for _, field := range fields {
			if *field == "" {
				continue
			}
			set++
			replaced, err := caddy.NewReplacer().ReplaceOrErr(*field, true, true)
			if err != nil {
				return "", err
			}
			*field = replaced
		}
		if source.FlagdFile != "" {
			set++
			path, err := absolute(source.FlagdFile)
			if err != nil {
				return "", err
			}
			source.FlagdFile = path
		}
		if source.Env {
			set++
		}
		if set != 1 {
			return "", errors.New("each source has exactly one of: env, flagd, flagd_file, flagd_rpc, ofrep")
		}
		resolved[i] = source
	}
	text, err := json.Marshal(resolved)
	return string(text), err
}

// flagSources reads what flagIdentity wrote.
func flagSources(identity string) ([]FlagSource, error) {
	if identity == "" {
		return nil, nil
	}
	var all []FlagSource
	err := json.Unmarshal([]byte(identity), &all)
	return all, err
}

// checkFlags says what is wrong with the flag files.
func checkFlags(identity string) error {
	all, err := flagSources(identity)
	if err != nil {
		return err
	}
	for _, source := range all {
		if source.FlagdFile == "" {
			continue
		}
		data, err := os.ReadFile(source.FlagdFile)
		if err != nil {
			return fmt.Errorf("flags: %w", err)
		}
		if err := flags.Check(data); err != nil {
			return fmt.Errorf("flags: %s: %w", source.FlagdFile, err)
		}
	}
	return nil
}

// newFlags starts the sources; nil when there are none.
func newFlags(identity string, metrics *telemetry.Telemetry, log *slog.Logger) (*flags.Evaluator, error) {
	all, err := flagSources(identity)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	sources := make([]flags.Source, len(all))
	for i, source := range all {
		switch {
		case source.FlagdFile != "":
			sources[i] = flags.FlagdFile(source.FlagdFile)
		case source.Flagd != "":
			sources[i] = flags.Flagd(source.Flagd, nil)
		case source.FlagdRPC != "":
			sources[i] = flags.FlagdRPC(source.FlagdRPC)
		case source.OFREP != "":
			sources[i] = flags.OFREP(source.OFREP, nil)
		default:
			sources[i] = flags.Environment()
		}
	}
	return flags.New(flags.Options{
		Sources: sources, Logger: log,
		Meter: metrics.MeterProvider().Meter("github.com/strangler-proxy/strangler/flags"),
	})
}
