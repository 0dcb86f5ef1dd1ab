package session

import "context"

// Trace collects what a reader finds on its way, for whoever asks why a session is
// or is not accepted. It is filled by one lookup at a time.
type Trace struct{ Steps []string }

type traceKey struct{}

// Traced is a context in which a reader's steps are noted.
func Traced(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// Step notes a step that a lookup has passed. The text is a constant: it holds
// nothing of a session. Without a trace it does nothing.
func Step(ctx context.Context, text string) {
	if t, ok := ctx.Value(traceKey{}).(*Trace); ok {
		t.Steps = append(t.Steps, text)
	}
}

// Irrevocable is a Reader that may read cookies which are the session themselves.
type Irrevocable interface {
	// Irrevocable says, in a sentence for an operator, that no logout can be seen,
	// and what ends a session instead; empty where a store has the sessions.
	Irrevocable() string
}
