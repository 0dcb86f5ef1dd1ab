package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/shadow/report"
)

func shadowSignatures() *cobra.Command {
	var f shadowFlags
	judgements := []report.Judgement{report.Worse, report.Confirmed, report.Open, report.Noise}
	words := make([]string, len(judgements))
	for i, j := range judgements {
		words[i] = fmt.Sprintf("  %-9s %s", j, j.Words())
	}
	cmd := command("signatures", "Lists the ways in which answers differ",
		"Lists the ways in which answers differ, the worst first, each with what is known of it:\n\n"+strings.Join(words, "\n"),
		cobra.NoArgs, func(ctx context.Context, t *terminal, _ []string) error {
			return printPart(ctx, &f, t, func(r *report.Route) report.RouteSignatures {
				return report.RouteSignatures{Route: r.Route, Signatures: r.Signatures, MoreSignatures: r.MoreSignatures}
			}, printSignatures)
		})
	f.add(cmd)
	return cmd
}

func printSignatures(t *terminal, r *report.Report) {
	var rows [][]cell
	for i := range r.Routes {
		of := &r.Routes[i]
		for k := range of.Signatures {
			rows = append(rows, signatureRow(of.Route, &of.Signatures[k]))
		}
		if of.MoreSignatures > 0 {
			rows = append(rows, cells(of.Route, "and "+report.Number(of.MoreSignatures)+" more"))
		}
	}
	if len(rows) == 0 {
		t.line("no answers differed; see: strangler shadow report")
		return
	}
	t.table([]string{"ROUTE", "SIGNATURE", "JUDGEMENT", "COUNT", "RATE", "CONFIRMED", "NOISE", "LAST SEEN", "SAMPLES"}, rows)
}

func signatureRow(route string, s *report.Signature) []cell {
	noise := "-"
	if s.Pairs > 0 {
		noise = share(s.Noise)
	}
	row := cells(route, s.Signature, string(s.Judgement), report.Number(s.Count), share(s.Rate), report.Number(s.Confirmed), noise, moment(s.LastSeen), strconv.Itoa(s.Samples))
	if s.Judgement == report.Worse || s.Judgement == report.Confirmed {
		row[2].style = red
	}
	return row
}
