package notify

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/rollout"
)

// EventVersion is the version of Event. Members may be added to it; a change
// that a receiver must know of is another version.
const EventVersion = 1

// Event is what a webhook is sent in FormatJSON.
type Event struct {
	// Version is EventVersion.
	Version int `json:"version"`
	// ID is the change's, and webhook-id: the same each time it is sent.
	ID string `json:"id"`
	// Type is "rollout." and the verb.
	Type string `json:"type"`
	// Timestamp is when the change was made.
	Timestamp time.Time `json:"timestamp"`
	// Summary says in a few words what was done and by whom.
	Summary string `json:"summary"`
	// Data is the record of the journal.
	Data rollout.Change `json:"data"`
}

// payload is the body for a change.
func (f Format) payload(c rollout.Change) ([]byte, error) {
	if f == FormatSlack {
		return json.Marshal(map[string]string{"text": slackText(c)})
	}
	return json.Marshal(Event{
		Version: EventVersion, ID: c.ID, Type: "rollout." + string(c.Verb), Timestamp: c.At,
		Summary: summary(c), Data: c,
	})
}

func summary(c rollout.Change) string { return subject(c) + ": " + c.Summary() }

func subject(c rollout.Change) string {
	switch c.Route {
	case rollout.AllRoutes:
		return "every route"
	case rollout.AllKeys:
		return "the keys that sign tokens"
	}
	return c.Route
}

// slackEscape is all that Slack wants escaped; it also keeps text from becoming
// a link or a mention such as <!channel>.
var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func slackText(c rollout.Change) string {
	text := "*" + slackEscape.Replace(subject(c)) + "*: " + slackEscape.Replace(c.Summary())
	return text + " (from " + slackEscape.Replace(c.Act.Source) + ", " + c.At.UTC().Format(time.RFC3339) + ")"
}
