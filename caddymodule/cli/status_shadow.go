package cli

import (
	"fmt"

	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/shadow"
	"github.com/strangler-proxy/strangler/shadow/report"
)

// printShadows is what rollout status says of comparing: a line of numbers for each
// route, and why a gate that waits for comparisons may wait in vain.
func printShadows(t *terminal, all []engine.ShadowSummary) {
	if len(all) == 0 {
		return
	}
	t.line("")
	rows := make([][]cell, 0, len(all))
	for i := range all {
		s := &all[i]
		row := cells(s.Route, "", report.Number(s.Sampled), report.Number(s.Compared), report.Number(s.Mismatched), "")
		row[1], row[5] = verdict(s.Verdict), cell{s.Alarm, red}
		rows = append(rows, row)
	}
	t.table([]string{"SHADOW OF", "VERDICT", "SAMPLED", "COMPARED", "MISMATCHES", "ALARM"}, rows)
	for i := range all {
		s := &all[i]
		if s.RestsOn != "" {
			t.styled(yellow, "%s: %s", s.Route, s.RestsOn)
		}
		if text := unmirrored(s.Route, s.Shadow, &s.Proof); text != "" {
			t.styled(yellow, "%s", text)
		}
		if !s.Second.SilentSince.IsZero() {
			t.styled(yellow, "%s", unheard(s.Route, &s.Second))
		}
	}
}

// unmirrored says why requests that may change something are not mirrored, and what
// to do when that does not end by itself; empty when they are, or are not to be.
func unmirrored(route, target string, p *shadow.Proof) string {
	if p.State != shadow.ProofRefused && p.State != shadow.ProofBroken {
		return ""
	}
	text := fmt.Sprintf("%s: unsafe requests are not mirrored (%s since %s): %s", route, p.State, moment(p.At), p.Reason)
	if p.State == shadow.ProofBroken {
		text += fmt.Sprintf(`; see what it changed at %s; when that is mended: strangler shadow resume --route %s --reason "…"`, target, route)
	}
	return text
}

// unheard says of who is asked a second time in the monolith's name how often no
// answer came, and what to do when none does.
func unheard(route string, s *shadow.Second) string {
	text := fmt.Sprintf("%s: %s: %s of %s gave no answer (the last: %s)", route, s.Target, report.Number(s.Failed), report.Number(s.Asked), s.Why)
	if !s.SilentSince.IsZero() {
		text += fmt.Sprintf(", none since %s: how often the monolith differs from itself is not found out; see that %s runs", moment(s.SilentSince), s.Target)
	}
	return text
}
