package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/strangler-proxy/strangler/engine"
)

// TableAnswer is the answer of PathTable.
type TableAnswer struct {
	// Path is the file, Version the hash of the text that the running table was
	// made of, LoadedAt when that was.
	Path     string    `json:"path"`
	Version  string    `json:"version"`
	LoadedAt time.Time `json:"loaded_at"`
	Document Document  `json:"document"`
	// Source is the running table's text. It is left out when the file holds
	// something else now, because that was refused or is about to be loaded.
	Source string `json:"source,omitempty"`
}

func status(e *engine.Engine, _ *http.Request) (any, error) { return e.Status(), nil }

// rollouts answers PathRollout: all routes, or with ?route= that one.
func rollouts(e *engine.Engine, r *http.Request) (any, error) {
	if route := r.URL.Query().Get("route"); route != "" {
		return e.RolloutStatusOf(route)
	}
	return e.RolloutStatus()
}

func table(e *engine.Engine, _ *http.Request) (any, error) {
	running, status := e.Table(), e.Status().Table
	if running == nil || status == nil {
		return nil, engine.ErrNoTable
	}
	answer := TableAnswer{
		Path: status.Path, Version: running.Version(), LoadedAt: status.LoadedAt, Document: DocumentOf(running),
	}
	if data, err := os.ReadFile(status.Path); err == nil {
		// The version is the beginning of the text's hash, see routes.Table.
		if sum := sha256.Sum256(data); strings.HasPrefix(hex.EncodeToString(sum[:]), running.Version()) {
			answer.Source = string(data)
		}
	}
	return answer, nil
}

// routeList answers PathRoutes: the routes in the table's order.
func routeList(e *engine.Engine, _ *http.Request) (any, error) {
	rollout, err := e.RolloutStatus()
	if errors.Is(err, engine.ErrNoTable) {
		return nil, err
	}
	states := make(map[string]*engine.RouteStatus, len(rollout.Routes))
	for i := range rollout.Routes {
		states[rollout.Routes[i].Route] = &rollout.Routes[i]
	}
	document := e.Table().Document()
	list := make([]RouteAndState, 0, len(document.Routes))
	for _, r := range document.Routes {
		list = append(list, RouteAndState{Route: routeOf(r), State: states[r.Name]})
	}
	return list, nil
}
