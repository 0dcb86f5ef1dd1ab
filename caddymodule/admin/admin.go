package admin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/strangler-proxy/strangler/caddymodule/metrics"
	"github.com/strangler-proxy/strangler/engine"
	"github.com/strangler-proxy/strangler/rollout"
)

func init() {
	caddy.RegisterModule(new(API))
}

const (
	appName = "strangler"
	maxBody = 256 << 10 // an explained request may carry headers
)

// API is the module admin.api.strangler. It keeps nothing: Caddy provisions it
// before the apps, and after a refused reload goes on serving the refused
// configuration's, so each request looks up the app that runs.
type API struct{}

// CaddyModule returns the module's ID.
func (*API) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api." + appName, New: func() caddy.Module { return new(API) }}
}

// Provision makes our metrics part of what this admin endpoint shows; see
// package metrics for why not only the app does that.
func (*API) Provision(ctx caddy.Context) error { return metrics.Register(ctx.GetMetricsRegistry()) }

// host is the app of a configuration.
type host interface {
	Engine() (*engine.Engine, error)
}

// running is the engine that serves now.
func running() (*engine.Engine, error) {
	active := caddy.ActiveContext()
	if active.Context == nil {
		return nil, refuse(http.StatusServiceUnavailable, "no configuration is in force: the server is starting or stopping, or was given none")
	}
	app, err := active.AppIfConfigured(appName)
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil, refuse(http.StatusNotFound, "the running configuration has no strangler app; its Caddyfile needs the global option: strangler { routes <file> }")
	}
	if err != nil {
		return nil, refuse(http.StatusServiceUnavailable, "the strangler app does not run: %w", err)
	}
	return app.(host).Engine()
}

// Routes gives the endpoints to Caddy.
func (*API) Routes() []caddy.AdminRoute {
	all := make([]caddy.AdminRoute, 0, len(endpoints)+1)
	all = append(all, caddy.AdminRoute{Pattern: "/strangler/", Handler: caddy.AdminHandlerFunc(unknown)})
	for path, methods := range endpoints {
		all = append(all, caddy.AdminRoute{Pattern: path, Handler: methods})
	}
	return all
}

func unknown(_ http.ResponseWriter, r *http.Request) error {
	return refuse(http.StatusNotFound, "there is no %s; see GET %s, %s, %s, %s", r.URL.Path, PathStatus, PathTable, PathRoutes, PathRollout)
}

// endpoint is what one path does, by method; a method that is nil is not allowed.
type endpoint struct {
	get  func(*engine.Engine, *http.Request) (any, error)
	post func(*engine.Engine, *http.Request) (any, error)
	body int64 // the largest body, in bytes; 0 is maxBody
}

var (
	endpoints = map[string]endpoint{
		PathStatus:         {get: status},
		PathTable:          {get: table},
		PathRoutes:         {get: routeList},
		PathExplain:        {post: explain},
		PathRollout:        {get: rollouts},
		PathSet:            {post: verb(set)},
		PathHold:           {post: verb(hold)},
		PathRelease:        {post: onRoute((*engine.Engine).Release)},
		PathStart:          {post: onRoute((*engine.Engine).Start)},
		PathAdvance:        {post: onRoute((*engine.Engine).Advance)},
		PathPause:          {post: onRoute((*engine.Engine).Pause)},
		PathResume:         {post: onRoute((*engine.Engine).Resume)},
		PathApprove:        {post: onRoute((*engine.Engine).Approve)},
		PathAbort:          {post: onRoute((*engine.Engine).Abort)},
		PathUndo:           {post: verb(undo)},
		PathHistory:        {get: history},
		PathPreview:        {post: preview, body: maxDraft},
		PathKeys:           {get: keys},
		PathKeyRotate:      {post: rotateKey},
		PathKeyRevoke:      {post: revokeKey},
		PathInspect:        {post: inspectSession},
		PathShadow:         {get: shadowStatus},
		PathShadowReport:   {get: shadowReport},
		PathShadowSamples:  {get: shadowSamples},
		PathShadowReset:    {post: shadowVerb((*engine.Engine).ResetShadow)},
		PathShadowResume:   {post: shadowVerb((*engine.Engine).ResumeShadow)},
		PathBrake:          {post: verb(brake)},
		PathReleaseOfBrake: {post: verb(releaseBrake)},
	}
	sameOrigin http.CrossOriginProtection
)

// ServeHTTP answers with JSON, or returns a caddy.APIError.
func (e endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	var answer func(*engine.Engine, *http.Request) (any, error)
	switch {
	case e.get != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		answer = e.get
	case e.post != nil && r.Method == http.MethodPost:
		if err := acceptable(r); err != nil {
			return err
		}
		r.Body = http.MaxBytesReader(w, r.Body, cmp.Or(e.body, maxBody))
		answer = e.post
	default:
		allowed := "GET, HEAD"
		if e.post != nil {
			allowed = "POST"
		}
		w.Header().Set("Allow", allowed)
		return refuse(http.StatusMethodNotAllowed, "%s is not allowed here; allowed: %s", r.Method, allowed)
	}
	engine, err := running()
	if err != nil {
		return err
	}
	result, err := answer(engine, r)
	if conflict, ok := errors.AsType[*rollout.Conflict](err); ok {
		return write(w, http.StatusConflict, Refusal{Error: err.Error(), Conflict: conflict})
	}
	if err != nil {
		return asAPIError(err)
	}
	return write(w, http.StatusOK, result)
}

// write answers with a value as JSON.
func write(w http.ResponseWriter, status int, v any) error {
	var data bytes.Buffer
	e := json.NewEncoder(&data)
	e.SetEscapeHTML(false) // it is for curl, and nosniff says that it is no page
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, err := w.Write(data.Bytes())
	return err
}

// acceptable says whether a POST may change anything: it is JSON, which a form
// on a web page cannot send, and it does not come from another origin.
func acceptable(r *http.Request) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return refuse(http.StatusUnsupportedMediaType, "the body must be JSON, with Content-Type: application/json")
	}
	if err := sameOrigin.Check(r); err != nil {
		return refuse(http.StatusForbidden, "%w", err)
	}
	return nil
}

// decode reads a body that is exactly one JSON value of known fields, each once.
func decode(r *http.Request, v any) error {
	body, err := io.ReadAll(r.Body)
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err == nil {
		err = d.Decode(v)
	}
	if name := twice(body); err == nil && name != "" {
		err = fmt.Errorf("%q is there twice", name)
	}
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more behind the JSON value")
		}
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", tooLarge.Limit)
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the body is empty")
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "body: %w", err)
	}
	return nil
}

func refuse(status int, format string, args ...any) error {
	return caddy.APIError{HTTPStatus: status, Err: fmt.Errorf(format, args...)}
}

// asAPIError gives an error of the engine its status.
func asAPIError(err error) error {
	if given := (caddy.APIError{}); errors.As(err, &given) {
		return given
	}
	return caddy.APIError{HTTPStatus: engine.HTTPStatus(err), Err: err}
}

var (
	_ caddy.Provisioner  = (*API)(nil)
	_ caddy.AdminRouter  = (*API)(nil)
	_ caddy.AdminHandler = endpoint{}
)
