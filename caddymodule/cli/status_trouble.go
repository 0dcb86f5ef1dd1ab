package cli

import (
	"cmp"

	"github.com/strangler-proxy/strangler/identity"
)

// wrong says whether the server as a whole does not do what it was told. What a
// route does is not asked: a hold or an open breaker is at work, not broken.
func (r *rolloutReport) wrong() bool {
	store := r.Server.Store
	return r.Brake != nil || r.Server.Refused != nil || !store.Known || store.Error != "" || store.Unsaved > 0 || r.flagsRefused() || r.sessionsFail()
}

func (r *rolloutReport) sessionsFail() bool {
	i := r.Server.Identity
	return i != nil && (i.Sessions.Store != "ok" || !i.NoTokensUntil.IsZero())
}

func (r *rolloutReport) flagsRefused() bool {
	if r.Server.Flags == nil {
		return false
	}
	for _, source := range r.Server.Flags.Sources {
		if source.Refused != "" {
			return true
		}
	}
	return false
}

// printTrouble says what keeps the server from doing what it was told.
func (r *rolloutReport) printTrouble(t *terminal) {
	if refused := r.Server.Refused; refused != nil {
		running := "the one before it runs"
		if table := r.Server.Table; table != nil && !table.Taken.IsZero() {
			running = "the last good table of " + moment(table.Taken) + " runs"
		}
		t.styled(red, "ROUTE TABLE REFUSED since %s; %s:", moment(refused.At), running)
		for _, problem := range refused.Problems {
			t.line("  %s", problem)
		}
	}
	store := r.Server.Store
	if store.Error != "" {
		t.styled(red, "STORE does not answer since %s: %s", moment(store.Since), store.Error)
	}
	if store.Notice != "" {
		t.styled(red, "STORE: %s", store.Notice)
	}
	for i := range r.Server.Webhooks {
		if hook := &r.Server.Webhooks[i]; hook.Error != "" {
			t.styled(yellow, "WEBHOOK %s: at least %d not told, %d given up; %s: %s", hook.Name, hook.Behind, hook.Skipped, moment(hook.ErrorAt), hook.Error)
		}
	}
	if store.Unsaved > 0 {
		t.styled(yellow, "%d changes are in force that the store has not taken yet", store.Unsaved)
	}
	r.printFlags(t)
	r.printIdentity(t)
	if !store.Known {
		t.styled(red, "STATE NOT READ YET: every route is on the monolith")
	}
	for i := range r.Server.Orphans {
		orphan := &r.Server.Orphans[i]
		t.styled(yellow, "%s has a state (%v) but is not in the table", orphan.Route, orphan.Share)
	}
}

// printIdentity says what keeps services from their tokens.
func (r *rolloutReport) printIdentity(t *terminal) {
	i := r.Server.Identity
	if i == nil {
		return
	}
	if s := i.Sessions; s.Store != "ok" {
		t.styled(red, "SESSIONS cannot be looked up since %s, and their requests stay on the monolith: %s: %s", moment(s.Since), s.Reason, cmp.Or(s.Error, s.Reason.Meaning()))
	}
	if w := i.Sessions.Watch; w != nil && w.State != identity.WatchOn {
		t.styled(yellow, "SESSIONS that end at the store count within the bound, not at once; the watch is %s since %s: %s", w.State, moment(w.Since), cmp.Or(w.Error, "not connected yet"))
	}
	if odd := i.Sessions.Unread; odd != nil {
		t.styled(yellow, "SESSIONS: one could not be read at %s: %s: %s", moment(odd.At), odd.Reason, cmp.Or(odd.Error, odd.Reason.Meaning()))
	}
	if i.Sessions.Forged {
		t.styled(red, "SESSIONS: most are signed with none of the configured keys, and their users count as anonymous (bad_signature); are the keys the monolith's?")
	}
	if i.Notice != "" {
		t.styled(yellow, "ISSUER: %s", i.Notice)
	}
	if !i.NoTokensUntil.IsZero() {
		t.styled(red, "NO KEY SIGNS until %s; routes that need a token stay on the monolith: %d requests so far got none", moment(i.NoTokensUntil), i.Failed)
	}
}

// printFlags says which sources of flags are not well.
func (r *rolloutReport) printFlags(t *terminal) {
	if r.Server.Flags == nil {
		return
	}
	for _, source := range r.Server.Flags.Sources {
		if source.State != "READY" {
			t.styled(red, "FLAGS: %s is %s since %s: %s", source.Name, source.State, moment(source.Since), source.Error)
		}
		if source.Refused != "" {
			t.styled(red, "FLAGS REFUSED by %s since %s; those before run: %s", source.Name, moment(source.RefusedAt), source.Refused)
		}
	}
}
