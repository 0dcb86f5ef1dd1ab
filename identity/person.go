package identity

import (
	"encoding/json"
	"strconv"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/token"
)

// Person is who a request is from, as it was found out at one time. Requests
// share it; it never changes.
type Person struct {
	session.Outcome
	// Prepared is what tokens of a Known say; nil for the others.
	Prepared *token.Prepared

	session token.SessionID
	texts   map[string]string // attributes that are one text, number or truth
}

// Subject is the user's stable ID; empty unless the person is Known.
func (p *Person) Subject() string {
	if p == nil || p.Principal == nil {
		return ""
	}
	return p.Principal.Subject
}

// Text is an attribute as text, for what decides by it: true and false for a
// truth. It is empty when there is none, or when it is a list or an object.
func (p *Person) Text(attribute string) string {
	if p == nil {
		return ""
	}
	return p.texts[attribute]
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
	if found.State != session.Known {
		return &Person{Outcome: found, session: id}
	}
	p := found.Principal
	all := attributes(p)
	prepared, err := token.Subject{
		ID: p.Subject, Session: id, End: p.Expires, AuthTime: p.AuthTime, Methods: p.Methods, Class: p.Class, Actor: p.Actor,
		Attributes: all,
	}.Prepare()
	if err != nil {
		return &Person{Outcome: session.Unknown(session.Unsupported, err), session: id}
	}
	return &Person{Outcome: found, Prepared: prepared, session: id, texts: texts(all)}
}

func texts(attributes map[string]any) map[string]string {
	out := make(map[string]string, len(attributes))
	for name, value := range attributes {
		switch value := value.(type) {
		case string:
			out[name] = value
		case bool:
			out[name] = strconv.FormatBool(value)
		case int64:
			out[name] = strconv.FormatInt(value, 10)
		case json.Number:
			out[name] = value.String()
		case float64:
			out[name] = strconv.FormatFloat(value, 'g', -1, 64)
		}
	}
	return out
}
