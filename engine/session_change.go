package engine

import (
	"net/http"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/routes"
)

// sessionWatch looks at an answer for a change of the session that the request
// came with: what is known of it is then forgotten, before the client has the
// answer. It is part of the request's Result.
type sessionWatch struct {
	engine *Engine
	value  string
	// writes says that whoever answers has the session, and the request was one that
	// may change what stands in it without telling the browser (ADR 0019).
	writes bool
	next   proxy.Heads
}

// watchSession has both sides' answers looked at. A service without the session's
// cookie cannot write to the session.
func (e *Engine) watchSession(way *way, p *papers, result *Result, writes bool) {
	on := func(arm routes.Arm, call *proxy.Call, writes bool) {
		watch := &result.watch[arm]
		*watch = sessionWatch{e, result.pass.value, writes, call.Heads}
		call.Heads = watch
	}
	on(routes.Monolith, &way.plan.MonolithCall, writes)
	if way.plan.Arm == routes.Service {
		on(routes.Service, &way.plan.ServiceCall, writes && p != nil && p.route.KeepCookie)
	}
}

// Head implements proxy.Heads.
func (s *sessionWatch) Head(status int, header http.Header, stream bool) {
	changed := s.writes
	for _, line := range header["Set-Cookie"] {
		changed = changed || s.engine.identity.changes(line, s.value)
	}
	if changed {
		s.engine.Forget(s.value)
	}
	if s.next != nil {
		s.next.Head(status, header, stream)
	}
}

// FellBack implements proxy.Heads.
func (s *sessionWatch) FellBack() {
	if s.next != nil {
		s.next.FellBack()
	}
}

// changes reports whether a Set-Cookie line ends or changes the session of that
// value. One that only prolongs it does neither.
func (w *whois) changes(line, value string) bool {
	pair, attributes, _ := strings.Cut(line, ";")
	name, set, _ := strings.Cut(pair, "=")
	name = strings.TrimSpace(name)
	for _, ours := range w.Resolver.Names() {
		if name == ours {
			return strings.TrimSpace(set) != value || ends(attributes, w.now())
		}
	}
	return false
}

// ends reports whether a cookie's attributes take it away. What is no date that is
// to come is taken for one that has passed.
func ends(attributes string, now time.Time) bool {
	over := false
	for attribute := range strings.SplitSeq(attributes, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(attribute), "=")
		if strings.EqualFold(name, "max-age") {
			value = strings.TrimSpace(value)
			return value == "0" || strings.HasPrefix(value, "-") // it counts before a date
		}
		if strings.EqualFold(name, "expires") {
			until, err := http.ParseTime(strings.ReplaceAll(value, "-", " ")) // PHP before 8.2 has dashes in it
			over = err != nil || !until.After(now)
		}
	}
	return over
}

// Forget drops what is known of a session, by its value as the reader finds it,
// and its tokens. Who comes with it from now on is looked up anew.
func (e *Engine) Forget(value string) {
	if e.identity != nil {
		e.identity.Resolver.Forget(value)
	}
}

// ForgetSubject drops what is known of all sessions of a user.
func (e *Engine) ForgetSubject(subject string) {
	if e.identity != nil {
		e.identity.Resolver.ForgetSubject(subject)
	}
}

// comparable says whether a request counts in the rollout. The service gets only
// who is signed in, where a token is required, so its control group is made of them, too.
func (p *papers) comparable(key *stickyKey) bool {
	return p == nil || p.route.Token != routes.TokenRequired || key.person == nil || key.person.State == session.Known
}

var _ proxy.Heads = (*sessionWatch)(nil)
