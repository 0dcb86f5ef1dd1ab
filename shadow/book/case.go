package book

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/strangler-proxy/strangler/shadow/report"
)

// ErrNoSample says that nothing is kept to make a case of.
var ErrNoSample = errors.New("no sample of this signature is kept")

// filled is the hash in a placeholder of a sample's target.
var filled = regexp.MustCompile(`(\{[^{}~]*)~[0-9a-f]{8}\}`)

// Case makes a portable case of the newest sample of a signature of the present
// era. The error wraps [ErrUnknownRoute] or [ErrNoSample], or is the store's.
func (b *Book) Case(ctx context.Context, name, signature string) (*report.Case, error) {
	out, err := b.Report(ctx, name)
	if err != nil {
		return nil, err
	}
	r := &out.Routes[0]
	for i := range r.Signatures {
		if s := &r.Signatures[i]; s.Signature == signature && s.Sample != nil {
			return portable(r, s), nil
		}
	}
	return nil, fmt.Errorf("%s, %s: %w", name, printable(signature, 500), ErrNoSample)
}

func portable(r *report.Route, s *report.Signature) *report.Case {
	x := s.Sample
	return &report.Case{
		Version: report.CaseVersion, Route: r.Route, Signature: s.Signature,
		Method: x.Method, Target: filled.ReplaceAllString(x.Target, "$1}"), Header: x.Header, Body: x.Body,
		Status: x.Monolith.Status, Type: x.Monolith.Body.Type, Expected: x.Expected,
		Parts: x.Parts, Rules: r.Rules,
	}
}
