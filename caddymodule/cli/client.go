package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/strangler-proxy/strangler/caddymodule/admin"
	"github.com/strangler-proxy/strangler/rollout"
)

const (
	askTimeout = 30 * time.Second
	// completeTimeout is short: somebody waits with a finger on the tab key.
	completeTimeout = time.Second
	maxAnswer       = 256 << 20 // a table of 100,000 routes is about 80 MB
)

// server is the admin API of a running server.
type server struct {
	address string
	http    *http.Client
}

// serverFlags says where the running server is.
type serverFlags struct{ address, config, adapter string }

func (f *serverFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.address, "address", "", "admin address of the running server (default: what --config says, else $CADDY_ADMIN, else localhost:2019)")
	cmd.Flags().StringVarP(&f.config, "config", "c", "", "configuration file that says the admin address")
	cmd.Flags().StringVarP(&f.adapter, "adapter", "a", "", "adapter for --config")
}

// open finds the server; it does not ask it anything yet.
func (f *serverFlags) open() (*server, error) {
	var config []byte
	if f.address == "" && f.config != "" {
		var err error
		if config, err = readConfig(f.config, f.adapter); err != nil {
			return nil, fmt.Errorf("finding the admin address: %w", err)
		}
	}
	address, err := caddycmd.DetermineAdminAPIAddress(f.address, config, f.config, f.adapter)
	if err != nil {
		return nil, fmt.Errorf("finding the admin address: %w", err)
	}
	parsed, err := caddy.ParseNetworkAddress(address)
	if err != nil || parsed.PortRangeSize() > 1 {
		return nil, usage("%q is no admin address; write HOST:PORT or unix//PATH", address)
	}
	dial := parsed.JoinHostPort(0)
	if parsed.IsUnixNetwork() {
		dial, _, _ = strings.Cut(dial, "|") // PATH|PERMISSIONS
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, parsed.Network, dial)
		},
	}
	return &server{address: address, http: &http.Client{Transport: transport, Timeout: askTimeout}}, nil
}

// get asks for path and decodes the answer into v.
func (s *server) get(ctx context.Context, path string, v any) error {
	return s.ask(ctx, http.MethodGet, path, nil, v)
}

// post sends body as JSON and decodes the answer into v.
func (s *server) post(ctx context.Context, path string, body, v any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return s.ask(ctx, http.MethodPost, path, bytes.NewReader(data), v)
}

// brokeOff reports whether a connection that there was ended without an answer.
// net/http has several errors for it, not all of them for others to know.
func brokeOff(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if failed, ok := errors.AsType[*url.Error](err); ok && failed.Timeout() {
		return false
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return !ok || dial.Op != "dial"
}

func (s *server) ask(ctx context.Context, method, path string, body io.Reader, v any) error {
	// The admin API allows the hosts it listens at; a unix socket has none.
	host := "127.0.0.1"
	if parsed, err := caddy.ParseNetworkAddress(s.address); err == nil && !parsed.IsUnixNetwork() {
		host = parsed.JoinHostPort(0)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+host+path, body)
	if err != nil {
		return fmt.Errorf("asking the server: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := s.http.Do(request)
	if method == http.MethodGet && brokeOff(err) {
		answer, err = s.http.Do(request) // a reload replaces the admin endpoint, too, with the connections it has just got
	}
	if err != nil {
		return s.unreachable(err)
	}
	defer func() { _ = answer.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("reading the server's answer: %w", err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		return s.refused(answer.StatusCode, data)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("the answer from %s is not what a strangler server says: %w", s.address, err)
	}
	return nil
}

// routeNames are the names of those routes of the running server that are asked
// for; none when it does not answer at once.
func (f *serverFlags) routeNames(ctx context.Context, ask func(*admin.RouteAndState) bool) []string {
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	server, err := f.open()
	if err != nil {
		return nil
	}
	var list []admin.RouteAndState
	if err := server.get(ctx, admin.PathRoutes, &list); err != nil {
		return nil
	}
	names := make([]string, 0, len(list))
	for i := range list {
		if ask(&list[i]) {
			names = append(names, list[i].Name)
		}
	}
	return names
}

func (s *server) unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("asking %s: %w", s.address, err)
	}
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &failure{
		code: ExitUnreachable,
		err:  fmt.Errorf("no server answers at %s: %w", s.address, err),
		hint: "is strangler running there? start it with: strangler run --config Caddyfile\n" +
			"is it elsewhere? say --address HOST:PORT, or --config FILE that names it",
	}
}

// refused turns an answer of 400 and above into an error in the server's words.
func (s *server) refused(status int, data []byte) error {
	var said admin.Refusal
	if err := json.Unmarshal(data, &said); err != nil || said.Error == "" {
		said.Error = fmt.Sprintf("%s answered %d %s", s.address, status, http.StatusText(status))
	}
	f := &failure{code: ExitError, err: errors.New(said.Error)}
	switch status {
	case http.StatusServiceUnavailable:
		f.later = true
	case http.StatusConflict:
		f.code = ExitConflict
		f.hint = "look at it again: strangler rollout status; its version: strangler routes show <route>"
		if c := said.Conflict; c != nil {
			look := "strangler rollout status"
			if c.Route == rollout.AllKeys {
				look = "strangler keys list"
			}
			f.hint = fmt.Sprintf("look at it again: %s; to act on it as it is now, add: --if-version %d", look, c.Current.Version)
			f.told = said
		}
	case http.StatusNotFound:
		if said.Error == fmt.Sprintf("%s answered %d %s", s.address, status, http.StatusText(status)) {
			f.hint = "the server at " + s.address + " has no strangler in its build; see: strangler build-info"
		}
	}
	return f
}
