package identity

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/token"
)

// Person is who a request is from, as it was found out at one time. Requests
// share it; it never changes. It is one object, for there is one for every session
// that is known, and the garbage collector walks them all. What every request asks
// of it comes first, in 64 bytes.
type Person struct {
	// On the resolver's clock: it counts until then, and is asked for anew from refresh on.
	until, refresh time.Duration
	// State, Reason and Err are those of the session's outcome.
	State session.State
	// Prepared is what tokens of a Known say; nil for the others.
	Prepared *token.Prepared

	prepared token.Prepared
	Reason   session.Reason
	Err      error
}

// good says whether the person counts at that time of the resolver's clock.
func (p *Person) good(at time.Duration) bool { return p != nil && at < p.until }

// outcome is what the person was made of, without the principal, which is in Prepared.
func (p *Person) outcome() session.Outcome {
	return session.Outcome{State: p.State, Reason: p.Reason, Err: p.Err}
}

// Subject is the user's stable ID; empty unless the person is Known.
func (p *Person) Subject() string {
	if p == nil || p.Prepared == nil {
		return ""
	}
	return p.Prepared.ID()
}

// Text is an attribute as text, for what decides by it: true and false for a
// truth. It is empty when there is none, or when it is a list or an object.
func (p *Person) Text(attribute string) string {
	if p == nil || p.Prepared == nil {
		return ""
	}
	value := p.Prepared.Attribute(attribute)
	if value == "" || value == "null" {
		return ""
	}
	switch value[0] {
	case '[', '{':
		return ""
	case '"':
		if !strings.Contains(value, `\\`) {
			return value[1 : len(value)-1]
		}
		var text string
		_ = json.Unmarshal([]byte(value), &text) // encoding/json wrote it
		return text
	}
	return value
}

// sessionAttribute starts the names of attributes that the session has. What a
// monolith keeps there a user may have chosen: it can never pass for a column of
// the user's row.
const sessionAttribute = "session."

// attributes are what claims of a principal's tokens may be made of.
func attributes(p *session.Principal) map[string]any {
	all := make(map[string]any, len(p.User)+len(p.Session)+1)
	if n, err := strconv.ParseInt(p.Subject, 10, 64); err == nil {
		all["user_id"] = n
	}
	for name, value := range p.User {
		all[name] = value
	}
	for name, value := range p.Session {
		all[sessionAttribute+name] = value
	}
	return all
}

// newPerson writes down what tokens will say. A principal that no token can speak
// of is unavailable: its service must not take it for nobody.
func newPerson(found session.Outcome, id token.SessionID) *Person {
	person := &Person{State: found.State, Reason: found.Reason, Err: found.Err}
	if found.State != session.Known {
		return person
	}
	p := found.Principal
	err := token.Subject{
		ID: p.Subject, Session: id, End: p.Expires, AuthTime: p.AuthTime, Methods: p.Methods, Class: p.Class, Actor: p.Actor,
		Attributes: attributes(p),
	}.Prepare(&person.prepared)
	if err != nil {
		return &Person{Reason: session.Unsupported, Err: err}
	}
	person.Prepared = &person.prepared
	return person
}
