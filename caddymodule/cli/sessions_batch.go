package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/strangler-proxy/strangler/identity"
)

// batchLine is a line of --batch.
type batchLine struct {
	Cookie string `json:"cookie"`
}

// batchError answers a line that could not be judged. It holds nothing of it.
type batchError struct {
	Outcome string `json:"outcome"`
	Error   string `json:"error"`
	Line    int    `json:"line"`
}

// inspectLines judges lines until they end. Only what ends it all is an error:
// nobody who reads the answers, or no server.
func inspectLines(ctx context.Context, t *terminal, in io.Reader, inspect inspector) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 4<<10), 2*maxCookieInput)
	for n := 1; lines.Scan(); n++ {
		var answer any
		found, err := inspectLine(ctx, lines.Bytes(), inspect)
		gone := (*failure)(nil)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &gone) && gone.code == ExitUnreachable:
			return err
		case err != nil:
			answer = batchError{Outcome: identity.OutcomeUnavailable, Error: err.Error(), Line: n}
		default:
			answer = found
		}
		if err := t.printJSONLine(answer); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading standard input: %w", err)
	}
	return nil
}

func inspectLine(ctx context.Context, text []byte, inspect inspector) (found identity.Inspection, err error) {
	var line batchLine
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	// A decoder's error may have the line's text in it.
	if d.Decode(&line) != nil || d.More() || line.Cookie == "" {
		return found, errors.New(`the line is not like {"cookie": "…"}`)
	}
	return inspect(ctx, line.Cookie)
}
