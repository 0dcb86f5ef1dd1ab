package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/shadow/report"
)

// formats render a report for anything but a terminal.
var formats = map[string]func(*bytes.Buffer, *report.Report) error{
	"text":     func(b *bytes.Buffer, r *report.Report) error { return report.Text(b, r, false) },
	"markdown": func(b *bytes.Buffer, r *report.Report) error { return report.Markdown(b, r) },
	"html":     func(b *bytes.Buffer, r *report.Report) error { return report.HTML(b, r) },
	"json":     func(b *bytes.Buffer, r *report.Report) error { return report.JSON(b, r) },
}

// reportFlags say how the report is written, and what it decides.
type reportFlags struct {
	shadowFlags
	format, output string
	gate           bool
}

func shadowReport() *cobra.Command {
	var f reportFlags
	cmd := command("report", "Shows what comparing came to",
		"Shows what comparing came to: the verdict of each route first (gate met, or why not and how long to go), then in which ways answers differ, the worst first,\n"+
			"with a redacted sample each, then what was not compared and why, rules to look at, and the latency of both sides.\n"+
			"The page of --format html is one file without scripts, to be attached to a ticket.",
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
			if err := f.check(t); err != nil {
				return err
			}
			r, err := f.report(ctx)
			if err != nil {
				return f.blind(err)
			}
			if err := f.write(t, r); err != nil {
				return err
			}
			if f.gate && !r.Met() {
				return &failure{code: ExitFindings, err: gateError(r)}
			}
			return nil
		})
	f.add(cmd)
	cmd.Flags().StringVar(&f.format, "format", "", "text, json, markdown or html (default text)")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "write to this `file` instead of standard output; an existing one is replaced when all is there")
	cmd.Flags().BoolVar(&f.gate, "fail-on-gate", false, "end with exit code 3 unless the gate of each route shown is met; also when there is no shadow, or nothing was compared (1 is a route that there is not)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json", "markdown", "html"}, cobra.ShellCompDirectiveNoFileComp)) // as above
	cmd.Example = `  strangler shadow report --route faq-read
  strangler shadow report --format html --output report.html
  strangler shadow report --route faq-read --fail-on-gate`
	return cmd
}

// check fills in the format, and finds what contradicts itself.
func (f *reportFlags) check(t *terminal) error {
	switch {
	case t.json && f.format != "" && f.format != "json":
		return usage("--json and --format %q ask for two formats; leave one of them out", f.format)
	case t.json:
		f.format = "json"
	case f.format == "":
		f.format = "text"
	}
	if formats[f.format] == nil {
		return usage("--format %q is no format; there are text, json, markdown and html", f.format)
	}
	return nil
}

// blind makes of a route without a shadow a gate that is not met: what is not compared
// is not met. A route that there is not is no gate but a slip of the finger, and stays
// the error that it is.
func (f *reportFlags) blind(err error) error {
	if failed, ours := errors.AsType[*failure](err); ours && f.gate && errors.Is(err, errNotShadowed) {
		failed.code = ExitFindings
	}
	return err
}

// gateError says which gates are not met; the report has said why.
func gateError(r *report.Report) error {
	if len(r.Routes) == 0 {
		return errors.New("no route has a shadow, so no gate is met")
	}
	var all []string
	for i := range r.Routes {
		if v := &r.Routes[i].Verdict; v.State != report.Met {
			all = append(all, r.Routes[i].Route+" ("+v.State.Words()+")")
		}
	}
	return fmt.Errorf("the gate is not met: %s", joined(all))
}

func (f *reportFlags) write(t *terminal, r *report.Report) error {
	switch {
	case f.output == "" && f.format == "text":
		return report.Text(t.out, r, t.colour)
	case f.output == "" && f.format == "json":
		return t.printJSON(r)
	}
	var b bytes.Buffer
	if err := formats[f.format](&b, r); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if f.output == "" {
		_, err := t.out.Write(b.Bytes())
		return err
	}
	return replace(f.output, b.Bytes())
}
