package admin

import (
	"encoding/json"
	"net/http"

	"github.com/strangler-proxy/strangler/engine"
)

// PathPreview is the endpoint for previews.
const PathPreview = "/strangler/rollout/preview"

const (
	// maxDraft is the largest body with a draft; a table of 100,000 routes has
	// 13 MB as JSON.
	maxDraft = 16 << 20
	// defaultExamples is how many examples a preview has when nobody says.
	defaultExamples = 20
)

// PreviewRequest is the body for PathPreview: another share of a route, or
// a draft of the route table.
type PreviewRequest struct {
	// Route and Percent are the other share, 0 to 100 with at most four decimals.
	Route   string      `json:"route,omitempty"`
	Percent json.Number `json:"percent,omitempty"`
	// Table is the text of a draft, and File its name in what is wrong with it.
	Table string `json:"table,omitempty"`
	File  string `json:"file,omitempty"`
	// Limit is how many examples are wanted, at most engine.MaxExamples; left
	// out: 20.
	Limit *int `json:"limit,omitempty"`
}

func preview(e *engine.Engine, r *http.Request) (any, error) {
	var body PreviewRequest
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	examples := defaultExamples
	if body.Limit != nil {
		examples = *body.Limit
	}
	if examples < 0 || examples > engine.MaxExamples {
		return nil, refuse(http.StatusBadRequest, "limit %d is not 0 to %d", examples, engine.MaxExamples)
	}
	ofShare, ofTable := body.Route != "" || body.Percent != "", body.Table != "" || body.File != ""
	switch {
	case ofShare == ofTable:
		return nil, refuse(http.StatusBadRequest, "a preview is either of a route and its percent, or of a table")
	case ofTable:
		if body.File == "" {
			body.File = "draft"
		}
		return e.PreviewTable(body.File, []byte(body.Table), examples)
	}
	share, err := SetRequest{Percent: body.Percent}.share()
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%w", err)
	}
	return e.PreviewShare(body.Route, share, examples)
}
