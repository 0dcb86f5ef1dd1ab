package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// explainFlags are what explain is asked beside method and URL.
type explainFlags struct {
	source
	store   string
	ip      string
	headers []string
}

func routesExplain() *cobra.Command {
	var f explainFlags
	cmd := command("explain METHOD URL", "Explains which route a request gets, and why",
		"Explains which routes are looked at for a request, which one wins and why, the bucket, and the decision: by the running server,\n"+
			"or offline from a route table (--routes) and, for shares, holds and salts, a store (--store).\n"+
			"--store reads a copy of the store as it is at this moment; its server may run, and the file is neither locked nor changed.\n"+
			"It sends nothing to the monolith or to a service, and changes nothing.",
		cobra.RangeArgs(1, 2), func(ctx context.Context, t *terminal, args []string) error {
			asked, err := f.request(args)
			if err != nil {
				return err
			}
			explanation, from, err := f.explain(ctx, asked)
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(explanation)
			}
			printExplanation(t, asked, explanation, from)
			return nil
		})
	f.add(cmd)
	cmd.Flags().StringVar(&f.store, "store", "", "with --routes: read the state of the rollouts from this SQLite file")
	cmd.Flags().StringVar(&f.ip, "ip", "", "the client's address, for routes that are sticky by it")
	cmd.Flags().StringArrayVarP(&f.headers, "header", "H", nil, "a header of the request, as in 'Cookie: tenant=7'; may be repeated")
	cmd.Example = `  strangler routes explain GET https://www.example.com/v1/faq/7 -H 'Cookie: tenant=7'
  strangler routes explain /v1/faq/7 --routes routes.yaml`
	return cmd
}

// request reads the command line like curl does: the method may be left out.
func (f *explainFlags) request(args []string) (admin.ExplainRequest, error) {
	if len(args) == 1 {
		args = []string{http.MethodGet, args[0]}
	}
	asked := admin.ExplainRequest{Method: strings.ToUpper(args[0]), URL: args[1], IP: f.ip, Headers: http.Header{}}
	for _, line := range f.headers {
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return asked, usage("header %q is not like 'Name: value'", line)
		}
		asked.Headers.Add(name, strings.TrimSpace(value))
	}
	if f.store != "" && f.file == "" {
		return asked, usage("--store needs --routes; the running server knows its own state")
	}
	if _, _, err := asked.Request(); err != nil {
		return asked, usage("%s", err)
	}
	return asked, nil
}

// explain asks the server, or does what it would do; from says which.
func (f *explainFlags) explain(ctx context.Context, asked admin.ExplainRequest) (x engine.Explanation, from string, err error) {
	if f.file != "" {
		return f.offline(ctx, asked)
	}
	server, err := f.open()
	if err != nil {
		return x, "", err
	}
	return x, "the server at " + server.address, server.post(ctx, admin.PathExplain, asked, &x)
}

func printExplanation(t *terminal, asked admin.ExplainRequest, x engine.Explanation, from string) {
	t.styled(bold, "%s %s", asked.Method, asked.URL)
	t.line("table %s, from %s", x.Table, from)
	t.line("")
	if len(x.Candidates) == 0 {
		t.line("no route's pattern matches %s%s", x.Host, x.Path)
	}
	rows := make([][]cell, 0, len(x.Candidates))
	for _, c := range x.Candidates {
		row := cells(c.Route, c.Match, fmt.Sprint(c.Line), why(c.Failed))
		if c.Won {
			row[0].style, row[3] = green, cell{"wins", green}
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		t.table([]string{"LOOKED AT", "MATCH", "LINE", "OUTCOME"}, rows)
	}
	t.line("")
	printDecision(t, &x)
}

// printDecision says where the request goes and why.
func printDecision(t *terminal, x *engine.Explanation) {
	d, s := x.Decision, yellow
	if d.Arm == routes.Service && x.Breaker == "" {
		s = green
	}
	t.styled(s, "%s: %s", d.Arm, reasonText(d))
	switch {
	case x.Breaker == proxy.BreakerHalfOpen:
		t.styled(yellow, "but the service's breaker is half open: single requests try whether it is back, all others get %s", instead(x))
	case x.Breaker != "":
		t.styled(red, "but the service's breaker is open: it gets %s", instead(x))
	}
	if brake := x.Brake; brake != nil {
		t.styled(yellow, "brake: on since %s, by %s", moment(brake.Since), who(brake.By, brake.Reason))
	}
	if hold := x.Hold; hold != nil {
		t.styled(yellow, "hold: since %s%s, by %s", moment(hold.Since), until(hold), who(hold.By, hold.Reason))
	}
	if x.Otherwise != nil {
		t.line("otherwise %s: %s", x.Otherwise.Arm, reasonText(*x.Otherwise))
	}
	if x.KeySource != "" {
		t.line("sticky by: %s", x.KeySource)
	}
	if x.Flag != nil {
		t.line("flag: %s", flagText(x.Flag))
	}
}

// flagText says what a flag is and who says so.
func flagText(f *engine.FlagAnswer) string {
	if f.Error != "" {
		return strings.TrimSpace(fmt.Sprintf("%s has no value: %s %s", f.Key, f.Error, f.Source))
	}
	text := fmt.Sprintf("%s is %v (%s) by %s", f.Key, f.Value, strings.TrimSpace(f.Variant+" "+f.Reason), f.Source)
	if f.Stale {
		text += fmt.Sprintf("; last known %.0f s ago", f.AgeSeconds)
	}
	return text
}

// instead is what a request gets that the breaker keeps from the service.
func instead(x *engine.Explanation) string {
	if x.Fallback {
		return "the monolith's answer"
	}
	return "503, for the route's fallback leaves connect out"
}

// why says in words which condition failed.
func why(f *routes.FailedCondition) string {
	if f == nil {
		return ""
	}
	what := strings.TrimSpace(f.On + " " + f.Name)
	test := map[string]string{
		"exact": "must be ", "prefix": "must start with ", "regexp": "must match ",
		"present": "must be there", "absent": "must not be there",
	}[f.Test]
	if f.Expected != "" {
		test += fmt.Sprintf("%q", f.Expected)
	}
	found := map[string]string{
		"missing": "is missing", "present": "is there", "different": "is not",
		"ambiguous": "is there with different values",
	}[f.Found]
	return fmt.Sprintf("%s %s, and %s", what, test, found)
}

// reasonText says why a decision was made.
func reasonText(d routes.Decision) string {
	switch d.Reason {
	case routes.ReasonBrake:
		return "the brake is on"
	case routes.ReasonHold:
		return "the route is held"
	case routes.ReasonAmbiguousPath:
		return "servers may read this path differently, so it is never a service's"
	case routes.ReasonAmbiguousCondition:
		return "a value that a condition asks for is there twice"
	case routes.ReasonNoRoute:
		return "no route matches"
	case routes.ReasonNoService:
		return "the route has no service yet"
	case routes.ReasonNoState:
		return "the state of the rollout is not known here"
	case routes.ReasonFlag:
		return "the route's flag says so"
	case routes.ReasonFlagUnavailable:
		return "nobody could say what the route's flag is"
	case routes.ReasonOff:
		return "0 % is on the service"
	case routes.ReasonFull:
		return "100 % is on the service"
	case routes.ReasonNoKey:
		return fmt.Sprintf("%v is on the service, but the request has nothing to be sticky by", d.Share)
	case engine.ReasonPinned:
		return "the service failed this one a short time ago, so the monolith serves"
	case engine.ReasonNoTarget:
		return "nothing serves the service here: it has no url, and the site no block for it"
	case routes.ReasonSplit:
		sign := "≥"
		if d.Bucket < d.Share {
			sign = "<"
		}
		return fmt.Sprintf("bucket %d %s %d (%v)", d.Bucket, sign, d.Share, d.Share)
	}
	return string(d.Reason)
}
