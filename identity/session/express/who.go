package express

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/identity/session"
)

// who finds the user in a session's data.
type who struct {
	user   session.Path
	claims []session.Path
}

// everywhere are names that every object of JavaScript has (Object.prototype).
var everywhere = []string{
	"__proto__", "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf",
	"__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__",
}

// newWho refuses paths that begin with a name that the framework's own Session
// object has: what is stored under it the application never sees
// (express-session/session/session.js, cookie-session/index.js: Session).
func newWho(config Identity, own ...string) (who, error) {
	if config.User == "" {
		config.User = "passport.user"
	}
	var out who
	for i, text := range append([]string{config.User}, config.Claims...) {
		path, err := session.ParsePath(text)
		switch {
		case err != nil:
			return who{}, err
		case slices.Contains(everywhere, path[0]), slices.Contains(own, path[0]):
			return who{}, fmt.Errorf("the path %s: a session's own %s hides what is stored under it", text, path[0])
		case i == 0:
			out.user = path
		default:
			out.claims = append(out.claims, path)
		}
	}
	return out, nil
}

// find says who is signed in.
func (w who) find(data object, until time.Time) session.Outcome {
	id, err := userID(at(data, w.user))
	switch {
	case err != nil:
		return session.Unknown(session.Undecodable, fmt.Errorf("%s: %w", w.user, err))
	case id == "":
		return session.Nobody(session.NoUser)
	}
	return session.Is(session.Principal{Subject: id, Expires: until, Session: w.values(data)})
}

func (w who) values(data object) map[string]any {
	var out map[string]any
	for _, path := range w.claims {
		if value := at(data, path); value != nil {
			if out == nil {
				out = make(map[string]any, len(w.claims))
			}
			out[path.String()] = value
		}
	}
	return out
}

// at answers the value at a path; nil when there is none, or null.
func at(data object, path session.Path) json.RawMessage {
	for i, key := range path {
		value := data[key]
		if i == len(path)-1 {
			if string(value) == "null" {
				return nil
			}
			return value
		}
		if len(value) == 0 || value[0] != '{' {
			return nil
		}
		data = nil
		if json.Unmarshal(value, &data) != nil {
			return nil
		}
	}
	return nil
}

var (
	errUserKind = errors.New("it is neither a text nor an integer; configure the path of the user's ID inside it")
	errUserText = errors.New("its text is of half characters, of which no ID can be made")
)

// userID reads who is signed in as Passport asks: what is false is nobody, except
// 0 (passport/lib/strategies/session.js). It is empty for nobody.
func userID(value json.RawMessage) (string, error) {
	switch {
	case value == nil, string(value) == "false":
		return "", nil
	case value[0] == '"':
		var text string
		if json.Unmarshal(value, &text) != nil {
			return "", errUserKind
		}
		// A surrogate without its other half, which JavaScript keeps apart.
		if strings.ContainsRune(text, utf8.RuneError) {
			return "", errUserText
		}
		return text, nil
	}
	const mostInteger = 1<<53 - 1 // Number.MAX_SAFE_INTEGER
	number, err := strconv.ParseFloat(string(value), 64)
	if err != nil || number != math.Trunc(number) || math.Abs(number) > mostInteger {
		return "", errUserKind
	}
	return strconv.FormatInt(int64(number), 10), nil
}
