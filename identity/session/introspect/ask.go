package introspect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/identity/session"
)

// A monolith that restarts refuses connections for a moment.
const (
	tries      = 3
	firstPause = 10 * time.Millisecond
)

// ask answers what the monolith says. An error is of the connection and holds no
// value: it is a store that failed, or the context's.
func (s *Sessions) ask(ctx context.Context, value string) (session.Outcome, error) {
	response, err := s.send(ctx, value)
	if err != nil {
		return session.Outcome{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxRespBytes+1))
	if err != nil {
		return session.Outcome{}, fmt.Errorf("reading the monolith's answer: %w", plain(err))
	}
	found := s.judge(response, body)
	if found.State != session.Unavailable {
		found.Keep = keep(response.Header)
	}
	return found, nil
}

// send tries again when no connection came to be: then nobody was asked.
func (s *Sessions) send(ctx context.Context, value string) (*http.Response, error) {
	pause := firstPause
	for try := 1; ; try++ {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.config.URL, nil)
		if err != nil {
			return nil, errors.New("the URL of the introspection is bad")
		}
		request.Header = s.header(value)
		response, err := s.client.Do(request)
		if err == nil {
			return response, nil
		}
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" || try == tries {
			return nil, fmt.Errorf("asking the monolith: %w", plain(err))
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
			pause *= 2
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// dialTLS connects by the certificates as they are now.
func (s *Sessions) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: s.config.Timeout}, Config: s.config.TLS().Clone()}
	dialer.Config.ServerName, dialer.Config.NextProtos = host, []string{"h2", "http/1.1"}
	return dialer.DialContext(ctx, network, address)
}

// plain keeps of an error what is of the network. Others may quote what was sent
// or answered, or the URL, which may have a secret in its query.
func plain(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificate
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("the connection failed (%T)", errors.Unwrap(err))
}

// judge says what an answer means.
func (s *Sessions) judge(response *http.Response, body []byte) session.Outcome {
	status := response.StatusCode
	switch {
	case status == http.StatusOK && len(body) > maxRespBytes:
		return misconfigured("answers with more than 64 KiB")
	case status == http.StatusOK:
		return s.read(body)
	case status == http.StatusUnauthorized:
		return session.Nobody(session.NoUser)
	case status == http.StatusForbidden:
		return session.Unknown(session.Refused, errors.New("the monolith refuses the user (403)"))
	case status == http.StatusTooManyRequests || status >= http.StatusInternalServerError:
		return session.Unknown(session.StoreFailed, fmt.Errorf("the monolith answers %d", status))
	case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		return misconfigured(fmt.Sprintf("answers %d, a redirect: its introspection must answer 401 to whom it does not know", status))
	}
	if status == http.StatusNotFound { // as the documented view answers who has not the secret
		return misconfigured("answers 404: there is none at this URL, or it wants another secret (bearer)")
	}
	return misconfigured(fmt.Sprintf("answers %d: there is no introspection at this URL", status))
}

// misconfigured is an answer that is none of the contract.
func misconfigured(what string) session.Outcome {
	return session.Unknown(session.Misconfigured, fmt.Errorf("the monolith's introspection %s; see docs/introspection.md", what))
}
