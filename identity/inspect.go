package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/token"
)

// Inspection is what one session cookie comes to, and why. It never holds the
// cookie; what a user may have written is hidden unless it was asked for.
type Inspection struct {
	// Outcome is principal, anonymous or unavailable.
	Outcome string `json:"outcome"`
	// Subject is the user's ID; of a principal only.
	Subject string `json:"subject,omitempty"`
	// Reason is why there is no principal, Meaning the same in a sentence, Error the
	// detail.
	Reason  session.Reason `json:"reason,omitempty"`
	Meaning string         `json:"meaning,omitempty"`
	Error   string         `json:"error,omitempty"`
	// Steps are those that the lookup passed, in their order.
	Steps []string `json:"steps"`
	// At is when it was judged.
	At time.Time `json:"at"`
	// Of a principal: when the session ends and began, how the user signed in, who
	// really acts.
	Expires  time.Time `json:"expires,omitzero"`
	AuthTime time.Time `json:"auth_time,omitzero"`
	Backend  string    `json:"backend,omitempty"`
	Actor    string    `json:"actor,omitempty"`
	// Attributes are what claims of tokens may be made of, by name.
	Attributes map[string]any `json:"attributes,omitempty"`
	// Irrevocable says that no logout is seen, and what ends such a session.
	Irrevocable string `json:"irrevocable,omitempty"`
	// EndCounts is how soon the end of the session at its store is known, as the
	// server is now: at once, or within its bound. Of a principal only, and not when
	// there is no server, or no end is seen.
	EndCounts string `json:"end_counts,omitempty"`
}

// The outcomes of an Inspection.
const (
	OutcomePrincipal   = "principal"
	OutcomeAnonymous   = "anonymous"
	OutcomeUnavailable = "unavailable"
)

// Inspect judges the session that a cookie stands for, by a reader whose clock
// says at. The cookie is a value of the reader's first cookie, or a whole Cookie
// header, with the name or without; show leaves the attributes' values readable.
func Inspect(ctx context.Context, reader session.Reader, cookie string, at time.Time, show bool) Inspection {
	trace := &session.Trace{Steps: []string{}}
	i := inspected(lookup(session.Traced(ctx, trace), reader, cookie), show)
	i.At, i.Steps = at, trace.Steps
	if stateless, ok := reader.(session.Irrevocable); ok {
		i.Irrevocable = stateless.Irrevocable()
	}
	return i
}

func lookup(ctx context.Context, reader session.Reader, cookie string) (found session.Outcome) {
	defer func() {
		if broken := recover(); broken != nil { // its value may have the session in it
			found = session.Unknown(session.Undecodable, fmt.Errorf("reading the session panicked: %T", broken))
		}
	}()
	header := http.Header{"Cookie": {CookieHeader(reader.Names(), cookie)}}
	value, known, ok := reader.Cookie(header)
	if !ok {
		return known
	}
	session.Step(ctx, "the session's cookie is there")
	return reader.Open(ctx, value)
}

// CookieHeader makes a Cookie header's value of one, with or without its name, or
// of the bare value of the first of these cookies.
func CookieHeader(names []string, text string) string {
	text = strings.TrimRight(text, "\r\n")
	if name, value, ok := strings.Cut(text, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "cookie") {
		return strings.TrimLeft(value, " \t")
	}
	for pair := range strings.SplitSeq(text, ";") {
		name, _, ok := strings.Cut(pair, "=")
		if ok && slices.Contains(names, strings.TrimSpace(name)) {
			return text
		}
	}
	return names[0] + "=" + text
}

func inspected(found session.Outcome, show bool) Inspection {
	i := Inspection{Reason: found.Reason, Meaning: found.Reason.Meaning()}
	if found.Err != nil {
		i.Error = found.Err.Error()
	}
	switch found.State {
	case session.Anonymous:
		i.Outcome = OutcomeAnonymous
	case session.Unavailable:
		i.Outcome = OutcomeUnavailable
	case session.Known:
		// As the resolver does: whom no token can speak of is unavailable.
		if person := newPerson(found, token.SessionID{1}); person.State != session.Known {
			return inspected(person.outcome(), show)
		}
		p := found.Principal
		i.Outcome, i.Subject = OutcomePrincipal, p.Subject
		i.Expires, i.AuthTime, i.Backend, i.Actor = p.Expires, p.AuthTime, p.Backend, p.Actor
		i.Attributes = attributes(p)
		for name, value := range i.Attributes {
			if !show && name != "user_id" { // the subject says it too
				i.Attributes[name] = hidden(value)
			}
		}
	}
	return i
}

// hidden says what kind of value there is, of what a user may have written how
// long it is, and no more: the lengths of true and false differ.
func hidden(value any) string {
	if text, ok := value.(string); ok {
		return fmt.Sprintf("<text, %d bytes>", len(text))
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "<no JSON>"
	}
	switch text[0] {
	case '"':
		return "<text>"
	case '{':
		return fmt.Sprintf("<object, %d bytes>", len(text))
	case '[':
		return fmt.Sprintf("<list, %d bytes>", len(text))
	case 't', 'f':
		return "<truth>"
	case 'n':
		return "<null>"
	}
	return "<number>"
}

// Inspect judges a cookie by the resolver's own reader, without what it remembers.
func (r *Resolver) Inspect(ctx context.Context, cookie string, show bool) Inspection {
	i := Inspect(ctx, r.options.Reader, cookie, r.options.Now(), show)
	switch w := r.watched(); {
	case i.Outcome != OutcomePrincipal || i.Irrevocable != "":
	case w != nil && w.State == WatchOn:
		i.EndCounts = "at once"
	default:
		i.EndCounts = "within " + r.options.Bound.String()
	}
	return i
}
