package flags

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
)

// OFREP asks a server of the OpenFeature Remote Evaluation Protocol
// (https://github.com/open-feature/protocol) at a base URL for every evaluation,
// sending header with it, such as an Authorization. The protocol tells of no
// changes: answers are fresh for Options.Fresh.
func OFREP(base string, header http.Header) Source {
	return Source{
		Name: "ofrep " + base,
		make: func(context.Context, func(error)) (openfeature.FeatureProvider, error) {
			if err := checkBase(base); err != nil {
				return nil, err
			}
			client := ofrepClient(header)
			return ofrep.NewProvider(base, ofrep.WithClient(client)), nil
		},
	}
}

func checkBase(base string) error {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return err
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("%q: a URL as http://HOST:PORT is expected", base)
	case u.User != nil:
		return errors.New("a password does not belong in the URL, which is shown; use a header")
	}
	return nil
}

// maxReply is the largest answer of an OFREP server that is read, in bytes.
const maxReply = 1 << 20

func ofrepClient(header http.Header) *http.Client {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   2 * time.Second,
		ResponseHeaderTimeout: 10 * time.Second,
		ForceAttemptHTTP2:     true,
	}
	return &http.Client{
		Transport: &ofrepTransport{base: transport, header: header},
		// Who the user is goes where the operator said, nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ofrepTransport adds the operator's headers and bounds what is read.
type ofrepTransport struct {
	base   *http.Transport
	header http.Header
}

// RoundTrip implements http.RoundTripper.
func (t *ofrepTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range t.header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	answer, err := t.base.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxReply), answer.Body}
	}
	return answer, err
}

// Provider takes flags from any OpenFeature provider. Local is whether it
// evaluates in this process without waiting for anything, and tells whether it
// tells of every change of its configuration by an event. New waits until a
// local one is ready, not for others.
func Provider(name string, local, tells bool, provider func() (openfeature.FeatureProvider, error)) Source {
	return Source{
		Name: name, traits: traits{local: local, tells: tells, waits: !local},
		make: func(context.Context, func(error)) (openfeature.FeatureProvider, error) { return provider() },
	}
}
