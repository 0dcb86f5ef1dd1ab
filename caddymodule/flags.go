package caddymodule

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/caddyserver/caddy/v2"

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
	// TLS is for Flagd: the connection is encrypted. Nil: it is not.
	TLS *FlagTLS `json:"tls,omitempty"`
	// FlagdRPC is the evaluation port of a flagd, as HOST:PORT, which is asked for
	// each user once.
	FlagdRPC string `json:"flagd_rpc,omitempty"`
	// OFREP is the base URL of a server of the OpenFeature Remote Evaluation
	// Protocol, which is asked for each user, and again every 10 s.
	OFREP string `json:"ofrep,omitempty"`
	// Header is sent to OFREP with each question, such as an Authorization.
	Header http.Header `json:"header,omitempty"`
	// Env takes flags from this process's environment: tickets-service is
	// STRANGLER_FLAG_TICKETS_SERVICE, with true or false.
	Env bool `json:"env,omitempty"`
}

// FlagTLS is how a flagd is known.
type FlagTLS struct {
	// CA is a file of certificates, as PEM, of which one has signed the flagd's.
	// Default: those that the system trusts.
	CA string `json:"ca,omitempty"`
}

// FlagOptions are for all sources together; what is 0 has its default.
type FlagOptions struct {
	// Wait is how long a request waits for a source over the network that was not
	// asked for its user before, at most 1s. Default 5ms.
	Wait caddy.Duration `json:"wait,omitempty"`
	// MaxAge is how long what a source said last is used while it is down. Default
	// 5m.
	MaxAge caddy.Duration `json:"max_age,omitempty"`
	// Cache is how many answers are kept, at most 10,000,000. Default 65,536.
	Cache int `json:"cache,omitempty"`
}

// The bounds of FlagOptions: a request that waits longer is a site that is down,
// and an answer of last week is no answer.
const (
	maxFlagWait  = time.Second
	maxFlagAge   = 7 * 24 * time.Hour
	maxFlagCache = 10_000_000
)

func (o FlagOptions) check() error {
	switch {
	case o.Wait < 0 || time.Duration(o.Wait) > maxFlagWait:
		return fmt.Errorf("wait %s: 1ms to %s is expected", time.Duration(o.Wait), maxFlagWait)
	case o.MaxAge < 0 || time.Duration(o.MaxAge) > maxFlagAge:
		return fmt.Errorf("max_age %s: 1s to %s is expected", time.Duration(o.MaxAge), maxFlagAge)
	case o.Cache < 0 || o.Cache > maxFlagCache:
		return fmt.Errorf("cache %d: 1 to %d is expected", o.Cache, maxFlagCache)
	}
	return nil
}

// flagSetup is what an evaluator is made from.
type flagSetup struct {
	Sources []FlagSource
	Options FlagOptions
}

// flagIdentity is the set-up as JSON, with placeholders replaced and paths made
// absolute; empty when there are no sources. It may hold secrets: it is a key in
// memory and nothing else.
func flagIdentity(all []FlagSource, options FlagOptions) (string, error) {
	if len(all) == 0 {
		if options != (FlagOptions{}) {
			return "", errors.New("there are options and no source; add one, as in: flags flagd_file <file>")
		}
		return "", nil
	}
	if err := options.check(); err != nil {
		return "", err
	}
	setup := flagSetup{Sources: make([]FlagSource, len(all)), Options: options}
	for i := range all {
		var err error
		if setup.Sources[i], err = all[i].resolve(); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(setup)
	return string(text), err
}

// resolve checks a source and fills it in.
func (s FlagSource) resolve() (FlagSource, error) {
	set := 0
	for _, kind := range []bool{s.FlagdFile != "", s.Flagd != "", s.FlagdRPC != "", s.OFREP != "", s.Env} {
		if kind {
			set++
		}
	}
	switch {
	case set != 1:
		return s, errors.New("each source has exactly one of: env, flagd, flagd_file, flagd_rpc, ofrep")
	case s.TLS != nil && s.Flagd == "":
		return s, errors.New("tls is for flagd; an ofrep with it has a URL of https://")
	case len(s.Header) > 0 && s.OFREP == "":
		return s, errors.New("header is for ofrep")
	}
	replacer := caddy.NewReplacer()
	for _, field := range []*string{&s.Flagd, &s.FlagdRPC, &s.OFREP} {
		var err error
		if *field, err = replacer.ReplaceOrErr(*field, true, true); err != nil {
			return s, err
		}
	}
	header := make(http.Header, len(s.Header))
	for name, values := range s.Header {
		for _, value := range values {
			value, err := replacer.ReplaceOrErr(value, true, true)
			if err != nil {
				return s, fmt.Errorf("header %s: %w", name, err)
			}
			header.Add(name, value)
		}
	}
	s.Header = header
	return s.paths()
}

// paths makes the paths absolute.
func (s FlagSource) paths() (_ FlagSource, err error) {
	if s.FlagdFile != "" {
		s.FlagdFile, err = absolute(s.FlagdFile)
	}
	if err == nil && s.TLS != nil && s.TLS.CA != "" {
		s.TLS = &FlagTLS{CA: s.TLS.CA}
		s.TLS.CA, err = absolute(s.TLS.CA)
	}
	return s, err
}

// config is the TLS of a source, nil for none.
func (t *FlagTLS) config() (*tls.Config, error) {
	if t == nil {
		return nil, nil //nolint:nilnil // no TLS is no error
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA == "" {
		return c, nil
	}
	text, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, err
	}
	if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: there is no certificate as PEM in it", t.CA)
	}
	return c, nil
}

// readSetup reads what flagIdentity wrote.
func readSetup(identity string) (setup flagSetup, err error) {
	if identity != "" {
		err = json.Unmarshal([]byte(identity), &setup)
	}
	return setup, err
}

// checkFlags says what is wrong with the files that sources name.
func checkFlags(identity string) error {
	setup, err := readSetup(identity)
	if err != nil {
		return err
	}
	for i := range setup.Sources {
		source := &setup.Sources[i]
		if _, err := source.TLS.config(); err != nil {
			return fmt.Errorf("flags: flagd %s: tls: %w", source.Flagd, err)
		}
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

// source is what a FlagSource describes.
func (s *FlagSource) source() (flags.Source, error) {
	switch {
	case s.FlagdFile != "":
		return flags.FlagdFile(s.FlagdFile), nil
	case s.Flagd != "":
		security, err := s.TLS.config()
		return flags.Flagd(s.Flagd, security), err
	case s.FlagdRPC != "":
		return flags.FlagdRPC(s.FlagdRPC), nil
	case s.OFREP != "":
		return flags.OFREP(s.OFREP, s.Header), nil
	}
	return flags.Environment(), nil
}

// newFlags starts the sources; nil when there are none.
func newFlags(identity string, metrics *telemetry.Telemetry, log *slog.Logger) (*flags.Evaluator, error) {
	setup, err := readSetup(identity)
	if err != nil || len(setup.Sources) == 0 {
		return nil, err
	}
	sources := make([]flags.Source, len(setup.Sources))
	for i := range setup.Sources {
		if sources[i], err = setup.Sources[i].source(); err != nil {
			return nil, fmt.Errorf("flags: %w", err)
		}
	}
	return flags.New(flags.Options{
		Sources: sources, Logger: log,
		Wait: time.Duration(setup.Options.Wait), MaxAge: time.Duration(setup.Options.MaxAge), Entries: setup.Options.Cache,
		Meter: metrics.MeterProvider().Meter("github.com/strangler-proxy/strangler/flags"),
	})
}
