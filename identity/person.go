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
// that is known, and the garbage collector walks them all.
type Person struct {
	refresh, until  time.Time // it counts until then, and is asked for anew from refresh on
	session.Outcome           // without its principal, which is in Prepared
	// Prepared is what tokens of a Known say; nil for the others.
	Prepared *token.Prepared

	prepared token.Prepared
}

// good says whether the person counts at that time.
func (p *Person) good(now time.Time) bool { return p != nil && now.Before(p.until) }

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
	person := &Person{Outcome: found}
	if found.State != session.Known {
		return person
	}
	p := found.Principal
	err := token.Subject{
		ID: p.Subject, Session: id, End: p.Expires, AuthTime: p.AuthTime, Methods: p.Methods, Class: p.Class, Actor: p.Actor,
		Attributes: attributes(p),
	}.Prepare(&person.prepared)
	if err != nil {
		return &Person{Outcome: session.Unknown(session.Unsupported, err)}
	}
	person.Principal, person.Prepared = nil, &person.prepared
	return person
}
