package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity"
	"github.com/strangler-proxy/strangler/identity/session"
)

func TestEveryReasonHasAMeaning(t *testing.T) {
	t.Parallel()
	for _, reason := range session.Reasons() {
		if (reason == "") != (reason.Meaning() == "") {
			t.Errorf("%q means %q", reason, reason.Meaning())
		}
	}
}

// opener answers what it is told to.
type opener func(value string) session.Outcome

func (opener) Names() []string { return []string{"sid", "sid.sig"} }

func (opener) Cookie(header http.Header) (string, session.Outcome, bool) {
	for _, pair := range strings.Split(header.Get("Cookie"), "; ") {
		if value, ok := strings.CutPrefix(pair, "sid="); ok {
			return value, session.Outcome{}, true
		}
	}
	return "", session.Nobody(session.NoCookie), false
}

func (o opener) Open(_ context.Context, value string) session.Outcome { return o(value) }

func TestInspectionsHideWhatAUserWrote(t *testing.T) {
	t.Parallel()
	reader := opener(func(string) session.Outcome {
		return session.Is(session.Principal{
			Subject: "7", User: map[string]any{"email": "anna@example.com", "staff": true, "age": 41}, Session: map[string]any{"note": json.RawMessage(`{"k":"secret"}`)},
		})
	})
	at := time.Unix(1_800_000_000, 0)
	text, err := json.Marshal(identity.Inspect(t.Context(), reader, "the-cookie", at, false))
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{"anna", "secret", "the-cookie"} {
		if strings.Contains(string(text), hidden) {
			t.Errorf("%s shows %s", text, hidden)
		}
	}
	kept := identity.Inspect(t.Context(), reader, "the-cookie", at, false).Attributes
	if want := map[string]any{
		"user_id": int64(7), "email": "<text, 16 bytes>", "staff": "<truth>", "age": "<number>", "session.note": "<object, 14 bytes>",
	}; fmt.Sprint(kept) != fmt.Sprint(want) {
		t.Errorf("hidden are %v, want %v", kept, want)
	}
	shown := identity.Inspect(t.Context(), reader, "the-cookie", at, true)
	if shown.Outcome != identity.OutcomePrincipal || shown.Subject != "7" || shown.Attributes["email"] != "anna@example.com" || !shown.At.Equal(at) {
		t.Errorf("%+v", shown)
	}
}

func TestInspectionsOfWhatGoesWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open    opener
		outcome string
		reason  session.Reason
	}{
		"nobody":    {func(string) session.Outcome { return session.Nobody(session.Expired) }, identity.OutcomeAnonymous, session.Expired},
		"store":     {func(string) session.Outcome { return session.Unknown(session.StoreFailed, errors.New("down")) }, identity.OutcomeUnavailable, session.StoreFailed},
		"panic":     {func(value string) session.Outcome { panic(value) }, identity.OutcomeUnavailable, session.Undecodable},
		"no token":  {func(string) session.Outcome { return session.Is(session.Principal{Subject: "a\x00"}) }, identity.OutcomeUnavailable, session.Unsupported},
		"forgotten": {func(string) session.Outcome { return session.Outcome{} }, identity.OutcomeUnavailable, ""},
	} {
		got := identity.Inspect(t.Context(), c.open, "the-cookie", time.Unix(0, 0), false)
		if got.Outcome != c.outcome || got.Reason != c.reason || got.Subject != "" || strings.Contains(got.Error, "the-cookie") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWhatIsTakenForACookieHeader(t *testing.T) {
	t.Parallel()
	names := []string{"sid", "sid.sig"}
	for given, want := range map[string]string{
		"abc=\n":                 "sid=abc=",
		"Cookie: a=b; sid=x":     "a=b; sid=x",
		"cookie:sid=x":           "sid=x",
		"a=b; sid=x; sid.sig=y":  "a=b; sid=x; sid.sig=y",
		"eyJ9:1abc:def":          "sid=eyJ9:1abc:def",
		"sid.sig=y; sid=x\r\n":   "sid.sig=y; sid=x",
		"s%3Aabc.d/e+f; other=1": "sid=s%3Aabc.d/e+f; other=1",
	} {
		if got := identity.CookieHeader(names, given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
	if !slices.Equal(names, []string{"sid", "sid.sig"}) {
		t.Error("the names were changed")
	}
}
