package introspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/identity/session"
)

// registered are names with a meaning of their own in tokens or in an answer,
// which claims cannot set (RFC 7519, section 4.1; RFC 7662, 8176, 8693, 9068).
var registered = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "auth_time", "act", "acr", "amr", "azp", "nonce", "cnf", "client_id", "may_act",
	"scope", "scopes", "roles", "username", "epoch", "active", "token_type", "user_id",
}

// maxDepth is how deep an answer's objects and lists may be in each other.
const maxDepth = 32

var (
	errJSON      = errors.New("answers with what is no JSON object") // the parser's error would quote it
	errDuplicate = errors.New("answers with a member twice in one object")
	errDeep      = errors.New("answers with objects too deep in each other")
)

// read reads the contract's answer.
func (s *Sessions) read(body []byte) session.Outcome {
	principal, active, err := parse(body)
	switch {
	case err != nil:
		return misconfigured(err.Error())
	case !active:
		return session.Nobody(session.NoUser)
	case !principal.Expires.IsZero() && !s.now().Before(principal.Expires):
		return session.Nobody(session.Expired)
	}
	return session.Is(principal)
}

// fields are an object's members; the first error stays.
type fields struct {
	members map[string]json.RawMessage
	err     error
}

// parse reads an answer; its errors hold nothing of it.
func parse(body []byte) (p session.Principal, active bool, err error) {
	if err := unambiguous(body); err != nil {
		return p, false, err
	}
	var f fields
	if err := json.Unmarshal(body, &f.members); err != nil || f.members == nil {
		return p, false, errJSON
	}
	if !f.read("active", &active) && f.err == nil {
		return p, false, errors.New("answers without active")
	}
	if !active {
		return p, false, f.err
	}
	if p.Subject = f.text("sub"); p.Subject == "" && f.err == nil {
		return p, false, errors.New("answers with an active session without sub")
	}
	p.Backend, p.Class = "introspection", f.text("acr")
	p.Expires, p.AuthTime = f.time("exp"), f.time("auth_time")
	f.read("amr", &p.Methods)
	p.Actor = f.actor()
	p.User = f.attributes()
	if sid := f.text("sid"); sid != "" {
		p.Session = map[string]any{"sid": sid}
	}
	return p, true, f.err
}

// read reads a member into what its type is; false when it is missing or null.
func (f *fields) read(name string, into any) bool {
	raw, ok := f.members[name]
	if !ok || string(raw) == "null" {
		return false
	}
	if json.Unmarshal(raw, into) != nil {
		f.fail(name)
	}
	return true
}

func (f *fields) fail(name string) {
	if f.err == nil {
		f.err = fmt.Errorf("answers with a member %s that cannot be used", name)
	}
}

// text reads a member that is a text and not empty, if it is there.
func (f *fields) text(name string) (text string) {
	if f.read(name, &text) && text == "" {
		f.fail(name)
	}
	return text
}

// latest is a time that is none: the year 9999.
const latest = 253_402_300_799

// time reads seconds since 1970, which may have a fraction; zero: it is missing.
func (f *fields) time(name string) time.Time {
	var n float64
	if !f.read(name, &n) {
		return time.Time{}
	}
	if n <= 0 || n > latest {
		f.fail(name)
		return time.Time{}
	}
	return time.Unix(int64(n), 0)
}

// actor reads {"sub":"…"}, who really acts.
func (f *fields) actor() string {
	var act fields
	if !f.read("act", &act.members) {
		return ""
	}
	sub := act.text("sub")
	if sub == "" || act.err != nil {
		f.fail("act")
	}
	return sub
}

// attributes are what a token's claims may be made of.
func (f *fields) attributes() map[string]any {
	out := map[string]any{}
	var claims map[string]json.RawMessage
	f.read("claims", &claims)
	for name, value := range claims {
		if slices.Contains(registered, name) || name == "" {
			f.fail("claims: " + strconv.Quote(name) + " is a registered name,")
			return nil
		}
		out[name] = session.Plain(value)
	}
	for _, name := range []string{"roles", "scopes"} {
		var list []string
		if f.read(name, &list) {
			out[name] = list
		}
	}
	if name := f.text("username"); name != "" {
		out["username"] = name
	}
	var epoch int64
	if f.read("epoch", &epoch) {
		out["epoch"] = epoch
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// unambiguous refuses JSON that parsers read differently: an object with a member
// twice, and text that is no UTF-8.
func unambiguous(body []byte) error {
	if !utf8.Valid(body) {
		return errJSON
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := walk(decoder, 0); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errJSON
	}
	return nil
}

// walk reads one value.
func walk(decoder *json.Decoder, depth int) error {
	token, err := decoder.Token()
	if err != nil {
		return errJSON
	}
	open, ok := token.(json.Delim)
	switch {
	case !ok:
		return nil
	case depth == maxDepth:
		return errDeep
	}
	var names map[string]bool
	if open == '{' {
		names = map[string]bool{}
	}
	for decoder.More() {
		if names != nil {
			token, err := decoder.Token()
			name, ok := token.(string)
			switch {
			case err != nil || !ok:
				return errJSON
			case names[name]:
				return errDuplicate
			}
			names[name] = true
		}
		if err := walk(decoder, depth+1); err != nil {
			return err
		}
	}
	if _, err := decoder.Token(); err != nil { // the end
		return errJSON
	}
	return nil
}
