package cases

import (
	"mime"
	"net/http"
	"time"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// Sight is how much of an answer a case could be held against.
type Sight string

// The sights.
const (
	Whole    Sight = "whole"    // nothing was redacted
	Redacted Sight = "redacted" // of some values, or of the body, only the type is known
	Blind    Sight = "blind"    // of the very values that the case was kept for
)

// Compare holds an answer against what is expected. Redacted values are those
// that were held against the type alone; a body of which nothing is kept is one.
func (c *Case) Compare(by *diff.Comparer, got diff.Answer, now time.Time) (result diff.Result, sight Sight, redacted int) {
	want := diff.Answer{Status: c.Expected.Status, Header: http.Header{}}
	media, _, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil {
		media = got.Header.Get("Content-Type")
	}
	// Of the headers only the type is kept, and without parameters.
	got.Header, got.Trailer = http.Header{}, nil
	if media != "" {
		got.Header.Set("Content-Type", media)
	}
	if c.Expected.Type != "" {
		want.Header.Set("Content-Type", c.Expected.Type)
	}
	switch {
	case len(c.Expected.Body) > 0:
		want.Body, got.Body, redacted = reveal(c.Expected.Body, got.Body)
	case c.Expected.Size > 0:
		if len(got.Body) == 0 {
			want.Body = []byte("…") // something came, and nothing of it is known
			break
		}
		got.Body, redacted = nil, 1
	}
	result = by.Compare(want, got, now)
	switch {
	case len(c.Redacted) > 0 && result.Verdict != diff.Different:
		return result, Blind, max(redacted, len(c.Redacted))
	case redacted > 0:
		return result, Redacted, redacted
	}
	return result, Whole, 0
}
