package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/shadow/cases"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// exportFlags say what is exported and where to.
type exportFlags struct {
	shadowFlags
	which              sampleFlags
	format, output     string
	consumer, provider string
	values             []string
}

func shadowExport() *cobra.Command {
	var f exportFlags
	cmd := command("export", "Writes kept samples as cases, or as a Pact",
		"Writes the samples that are kept of a route as cases, to be asked again with shadow replay without access to production, or as a Pact (version 4.0).\n"+
			"To a folder goes one file per case, to a FILE.jsonl one line. What is redacted in a sample is so in its case: of those values only the types are compared.",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
			if err := f.check(t); err != nil {
				return err
			}
			all, err := f.cases(ctx)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				return &failure{code: ExitError, err: fmt.Errorf("no sample is kept of %s, so there is nothing to export", f.route),
					hint: "samples are kept of answers that differed; of earlier builds see: strangler shadow samples --route " + f.route}
			}
			if f.format == "pact" {
				return f.pact(ctx, t, all)
			}
			return f.write(t, all)
		})
	f.addOne(cmd)
	flags := cmd.Flags()
	f.addSamples(cmd, &f.which, 100)
	flags.StringVar(&f.format, "format", "cases", "cases or pact")
	flags.StringVarP(&f.output, "output", "o", "", "the `folder` or file to write to; required. A folder must be new or empty, a file is replaced")
	flags.StringArrayVar(&f.values, "value", nil, "in a Pact, "+placeholderUsage)
	flags.StringVar(&f.consumer, "consumer", "monolith-clients", "in a Pact, who asks")
	flags.StringVar(&f.provider, "provider", "", "in a Pact, who answers (default: the shadow's target)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"cases", "pact"}, cobra.ShellCompDirectiveNoFileComp)) // it is there
	cmd.Example = `  strangler shadow export --route faq-read --output cases
  strangler shadow export --route faq-read --format pact --value id=1 --output faq.pact.json`
	return cmd
}

func (f *exportFlags) check(t *terminal) error {
	switch {
	case f.format != "cases" && f.format != "pact":
		return usage("--format %q is none; the formats are cases and pact", f.format)
	case f.output == "":
		return usage("--output is required: a folder, or a file")
	}
	return f.required(t)
}

// cases makes cases of what is kept.
func (f *exportFlags) cases(ctx context.Context) ([]*cases.Case, error) {
	found, err := f.samples(ctx, &f.which)
	if err != nil {
		return nil, err
	}
	kept := samplesOf(found)
	r, err := f.report(ctx)
	if err != nil {
		return nil, err
	}
	var rules []report.Rule
	for i := range r.Routes {
		rules = r.Routes[i].Rules
	}
	all := make([]*cases.Case, len(kept))
	for i := range kept {
		all[i] = cases.New(f.route, &kept[i], rules)
	}
	return all, nil
}

// write writes one line or one file per case.
func (f *exportFlags) write(t *terminal, all []*cases.Case) error {
	var lines bytes.Buffer
	folder := filepath.Ext(f.output) == ""
	if folder {
		if err := emptyFolder(f.output); err != nil {
			return err
		}
	}
	for i, c := range all {
		if err := encodeCase(&lines, c, folder); err != nil {
			return err
		}
		if folder {
			if err := replace(filepath.Join(f.output, fmt.Sprintf("%04d.json", i+1)), lines.Bytes()); err != nil {
				return err
			}
			lines.Reset()
		}
	}
	if !folder {
		if filepath.Ext(f.output) != ".jsonl" {
			return usage("--output %q: a file of cases is called .jsonl, and a folder has no extension", f.output)
		}
		if err := replace(f.output, lines.Bytes()); err != nil {
			return err
		}
	}
	return f.exported(t, len(all), "case", 0, 0)
}

func encodeCase(to *bytes.Buffer, c *cases.Case, indent bool) error {
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	if indent {
		e.SetIndent("", "  ")
	}
	return e.Encode(c)
}

// emptyFolder makes a folder, or takes one that is empty: cases of yesterday do not
// stand between those of today.
func emptyFolder(name string) error {
	if err := os.MkdirAll(name, 0o755); err != nil { //nolint:gosec // cases are to be read, see replace
		return err
	}
	has, err := os.ReadDir(name)
	if err == nil && len(has) > 0 {
		err = &failure{code: ExitError, err: fmt.Errorf("%s is not empty", name), hint: "name a new folder, or empty it"}
	}
	return err
}

// exported says how many went where; left out are cases that could not be said, the
// same those that another says already.
func (f *exportFlags) exported(t *terminal, n int, one string, left, same int) error {
	if t.json {
		return t.printJSON(map[string]any{"route": f.route, "format": f.format, "output": f.output, "exported": n, "left_out": left, "same": same})
	}
	t.line("%s: %s to %s", f.route, report.Counted(n, one), f.output)
	return nil
}

// pact writes a contract.
func (f *exportFlags) pact(ctx context.Context, t *terminal, all []*cases.Case) error {
	values, err := placeholderValues(f.values)
	if err != nil {
		return err
	}
	var known []string
	for _, c := range all {
		known = append(known, c.Request.Placeholders()...)
	}
	slices.Sort(known)
	noteUnused(t, values, slices.Compact(known))
	if f.provider == "" {
		var list []admin.RouteAndState
		if err := f.ask(ctx, admin.PathRoutes, nil, &list); err != nil {
			return err
		}
		for i := range list {
			if r := &list[i]; r.Name == f.route && r.Shadow != nil {
				if f.provider = r.Shadow.Target; f.provider == "" {
					f.provider = r.Service
				}
			}
		}
	}
	pact, left, same := cases.NewPact(f.consumer, f.provider, all, values)
	if len(pact.Interactions) == 0 {
		return &failure{code: ExitError, err: errors.New("no case says the whole request, so the Pact would be empty"),
			hint: "fill placeholders with --value NAME=VALUE; to keep them, add to the route's shadow clear: [request.path]"}
	}
	data, err := json.MarshalIndent(pact, "", "  ")
	if err != nil {
		return err
	}
	if err := replace(f.output, append(data, '\n')); err != nil {
		return err
	}
	if len(left) > 0 {
		t.problem("note", "left out: "+report.Counted(len(left), "case")+" of which a placeholder has no value, or the request's body is not kept")
	}
	if same > 0 {
		t.problem("note", report.Counted(same, "case")+" asked and expected the same as another, with these values, and made no interaction")
	}
	return f.exported(t, len(pact.Interactions), "interaction", len(left), same)
}
