package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/strangler-proxy/strangler/rollout"
)

// Webhook is one receiver of events.
type Webhook struct {
	// Name is what it is called in logs and in the status, and what its place in
	// the journal is stored by. Empty: its URL's host and a hash of the URL.
	Name string
	// URL is where events are sent, http or https. Its path may be a secret.
	URL string
	// Secret signs what is sent; FormatJSON needs one.
	Secret Secret
	// Format is how events are written. Default FormatJSON.
	Format Format
	// Only says which events it wants.
	Only Filter
}

// Format is how an event is written.
type Format string

// The formats.
const (
	// FormatJSON is an Event as JSON.
	FormatJSON Format = "json"
	// FormatSlack is a message for Slack's incoming webhooks, which Mattermost,
	// Discord (/slack) and others take too: {"text": "…"}.
	FormatSlack Format = "slack"
)

// Formats are all of them.
var Formats = []Format{FormatJSON, FormatSlack}

// Filter selects events. An empty list selects all; several narrow each other.
type Filter struct {
	Verbs   []rollout.Verb
	Sources []string
	// Routes are names. The brake, which is every route's, passes always.
	Routes []string
}

// Verbs and Sources are what a Filter may name.
var (
	Verbs = []rollout.Verb{
		rollout.VerbSet, rollout.VerbHold, rollout.VerbRelease, rollout.VerbBrake, rollout.VerbBrakeRelease,
		rollout.VerbStart, rollout.VerbAdvance, rollout.VerbPause, rollout.VerbResume, rollout.VerbApprove,
		rollout.VerbAbort, rollout.VerbRollBack, rollout.VerbUndo, rollout.VerbWithdraw,
		rollout.VerbShadowReset, rollout.VerbShadowStop, rollout.VerbShadowResume,
		rollout.VerbKeyRotate, rollout.VerbKeyRevoke,
	}
	Sources = []string{
		rollout.SourceCLI, rollout.SourceConsole, rollout.SourceAPI,
		rollout.SourceController, rollout.SourceGuard, rollout.SourceLedger,
	}
)

// Selects says whether the filter selects a change.
func (f Filter) Selects(c rollout.Change) bool {
	return selects(f.Verbs, c.Verb) && selects(f.Sources, c.Act.Source) &&
		(c.Route == rollout.AllRoutes || c.Route == rollout.AllKeys || selects(f.Routes, c.Route))
}

func selects[T comparable](wanted []T, have T) bool {
	return len(wanted) == 0 || slices.Contains(wanted, have)
}

// complete fills in what is not given and says what is wrong. No error holds
// the URL's path or the secret.
func (w Webhook) complete() (Webhook, error) {
	target, err := url.Parse(w.URL)
	switch {
	case err != nil, target.Scheme != "http" && target.Scheme != "https", target.Host == "":
		return w, errors.New("its URL is not http://… or https://…")
	case target.User != nil:
		return w, errors.New("its URL holds a user or a password; sign with a secret instead")
	}
	if w.Name == "" {
		sum := sha256.Sum256([]byte(w.URL))
		w.Name = target.Scheme + "://" + target.Host + "#" + hex.EncodeToString(sum[:4])
	}
	if w.Format == "" {
		w.Format = FormatJSON
	}
	if !slices.Contains(Formats, w.Format) {
		return w, fmt.Errorf("%s: %q is no format; it must be one of %v", w.Name, w.Format, Formats)
	}
	if w.Format == FormatJSON && len(w.Secret) == 0 {
		return w, fmt.Errorf("%s: it has no secret; receivers could not tell our events from others'. %s", w.Name, howToSecret)
	}
	for _, verb := range w.Only.Verbs {
		if !slices.Contains(Verbs, verb) {
			return w, fmt.Errorf("%s: %q is no verb; the verbs are %v", w.Name, verb, Verbs)
		}
	}
	for _, source := range w.Only.Sources {
		if !slices.Contains(Sources, source) {
			return w, fmt.Errorf("%s: %q is no source; the sources are %v", w.Name, source, Sources)
		}
	}
	return w, nil
}

// Check fills in the names of webhooks and says what is wrong with them.
func Check(webhooks []Webhook) ([]Webhook, error) {
	complete := make([]Webhook, 0, len(webhooks))
	for i, w := range webhooks {
		w, err := w.complete()
		if err != nil {
			return nil, fmt.Errorf("webhook %d: %w", i+1, err)
		}
		if slices.ContainsFunc(complete, func(other Webhook) bool { return other.Name == w.Name }) {
			return nil, fmt.Errorf("webhook %d: %s is there twice; two for one URL need names of their own", i+1, w.Name)
		}
		complete = append(complete, w)
	}
	return complete, nil
}

func (w Webhook) equal(other Webhook) bool { return reflect.DeepEqual(w, other) }

// host is what of the URL may be shown.
func (w Webhook) host() string {
	target, err := url.Parse(w.URL)
	if err != nil {
		return ""
	}
	return strings.ToLower(target.Host)
}
