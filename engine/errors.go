package engine

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/strangler-proxy/strangler/identity/token"
	"github.com/strangler-proxy/strangler/proxy"
	"github.com/strangler-proxy/strangler/rollout"
	"github.com/strangler-proxy/strangler/routes"
	"github.com/strangler-proxy/strangler/shadow/book"
)

// Why a verb or a request was refused. Use errors.Is; [HTTPStatus] gives the
// status code for each.
var (
	// ErrNoTable: no route table has been loaded yet.
	ErrNoTable = errors.New("no route table is loaded")
	// ErrUnknownRoute: the table has no route of that name.
	ErrUnknownRoute = errors.New("no such route")
	// ErrDeclared: the table's file fixes the route's percentage, or the flag
	// that decides, so a verb would have no effect; edit the file.
	ErrDeclared = errors.New("what decides is declared in the route table")
	// ErrNoService: the route has no service to send anything to.
	ErrNoService = errors.New("the route has no service")
	// ErrNoPlan: the table gives the route no rollout.
	ErrNoPlan = errors.New("the route has no rollout in the route table")
	// ErrConnect: method CONNECT asks for a tunnel past the table.
	ErrConnect = errors.New("method CONNECT is refused")
	// ErrNoTarget: the site offers no block for a target that has no url.
	ErrNoTarget = errors.New("no target block serves this target")
	// ErrNoShadowing: nothing compares answers here.
	ErrNoShadowing = errors.New("no answers are compared")
	// ErrNoIdentity: the configuration does not say whose sessions to read.
	ErrNoIdentity = errors.New("the running configuration has no identity block: no sessions are read, and there are no keys")
	// ErrNoTokens: it would leave no key that signs, and was not told to.
	ErrNoTokens = errors.New("no key would sign")
	// ErrRefused: the route table was refused; the problems say why.
	ErrRefused = errors.New("the route table is refused")
)

// UnknownRouteError is ErrUnknownRoute with the names that come nearest.
type UnknownRouteError struct {
	Route string
	Near  []string
}

func unknownRoute(route string, table *routes.Table) error {
	names := make([]string, 0, len(table.Routes()))
	for _, entry := range table.Routes() {
		names = append(names, entry.Route.Name)
	}
	return &UnknownRouteError{Route: route, Near: routes.Nearest(route, names)}
}

func (e *UnknownRouteError) Error() string {
	text := fmt.Sprintf("%v: %q", ErrUnknownRoute, e.Route)
	if len(e.Near) > 0 {
		text += "; did you mean " + strings.Join(e.Near, ", ") + "?"
	}
	return text
}

// Unwrap makes errors.Is find ErrUnknownRoute.
func (e *UnknownRouteError) Unwrap() error { return ErrUnknownRoute }

// DeclaredError is ErrDeclared with the place in the file.
type DeclaredError struct {
	Route, File string
	Line        int
	Percent     routes.PPM
	// Flag is the key of the flag that decides; empty when Percent does.
	Flag string
}

func (e *DeclaredError) Error() string {
	if e.Flag != "" {
		return fmt.Sprintf("%v: flag %s decides about %s, by %s:%d; change the flag, or take it out there", ErrDeclared, e.Flag, e.Route, e.File, e.Line)
	}
	return fmt.Sprintf("%v: %s is fixed at %v by %s:%d; change it there", ErrDeclared, e.Route, e.Percent, e.File, e.Line)
}

// Unwrap makes errors.Is find ErrDeclared.
func (e *DeclaredError) Unwrap() error { return ErrDeclared }

// NoPlanError is ErrNoPlan with the place in the file.
type NoPlanError struct {
	Route, File string
	Line        int
}

func (e *NoPlanError) Error() string {
	return fmt.Sprintf("%v: give %s one at %s:%d, such as rollout: {}", ErrNoPlan, e.Route, e.File, e.Line)
}

// Unwrap makes errors.Is find ErrNoPlan.
func (e *NoPlanError) Unwrap() error { return ErrNoPlan }

// RefusedError is ErrRefused with all problems found.
type RefusedError struct {
	Problems routes.Problems
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%v:\n%v", ErrRefused, e.Problems.Err())
}

// Unwrap makes errors.Is find ErrRefused.
func (e *RefusedError) Unwrap() error { return ErrRefused }

// HTTPStatus is the status code for an error of this package or of the ledger
// behind its verbs: 404, 405, 409, 422, 502, 503 and so on, 500 for what it
// does not know, 200 for nil.
func HTTPStatus(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if failure, ok := errors.AsType[*proxy.Failure](err); ok {
		return failure.Status
	}
	if _, ok := errors.AsType[*rollout.Conflict](err); ok {
		return http.StatusConflict
	}
	for _, known := range statuses {
		if errors.Is(err, known.err) {
			return known.status
		}
	}
	return http.StatusInternalServerError
}

var statuses = [...]struct {
	err    error
	status int
}{
	{ErrConnect, http.StatusMethodNotAllowed},
	{ErrNoTable, http.StatusServiceUnavailable},
	{ErrNoTarget, http.StatusServiceUnavailable},
	{ErrUnknownRoute, http.StatusNotFound},
	{ErrDeclared, http.StatusUnprocessableEntity},
	{ErrNoService, http.StatusUnprocessableEntity},
	{ErrNoPlan, http.StatusUnprocessableEntity},
	{ErrNoIdentity, http.StatusNotFound},
	{ErrNoTokens, http.StatusUnprocessableEntity},
	{token.ErrNotReady, http.StatusUnprocessableEntity},
	{token.ErrNoKey, http.StatusNotFound},
	{ErrNoShadowing, http.StatusServiceUnavailable},
	{book.ErrUnknownRoute, http.StatusNotFound},
	{book.ErrUnknownEra, http.StatusNotFound},
	{book.ErrUnknownSignature, http.StatusNotFound},
	{ErrRefused, http.StatusUnprocessableEntity},
	{ErrNotRemembered, http.StatusUnprocessableEntity},
	{rollout.ErrReasonRequired, http.StatusBadRequest},
	{rollout.ErrActorRequired, http.StatusBadRequest},
	{rollout.ErrInvalid, http.StatusBadRequest},
	{rollout.ErrNotHeld, http.StatusUnprocessableEntity},
	{rollout.ErrNoBrake, http.StatusUnprocessableEntity},
	{rollout.ErrNotApproved, http.StatusForbidden},
	{rollout.ErrStarted, http.StatusUnprocessableEntity},
	{rollout.ErrNotStarted, http.StatusUnprocessableEntity},
	{rollout.ErrNotPaused, http.StatusUnprocessableEntity},
	{rollout.ErrNotStopped, http.StatusUnprocessableEntity},
	{rollout.ErrLastStep, http.StatusUnprocessableEntity},
	{rollout.ErrNoVersion, http.StatusNotFound},
	{rollout.ErrPlan, http.StatusUnprocessableEntity},
	{rollout.ErrNotStored, http.StatusServiceUnavailable},
	{rollout.ErrClosed, http.StatusServiceUnavailable},
}
