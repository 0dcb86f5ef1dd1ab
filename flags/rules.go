package flags

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/open-feature/flagd/core/pkg/evaluator"
	"github.com/open-feature/flagd/core/pkg/logger"
	"github.com/open-feature/flagd/core/pkg/model"
	"github.com/open-feature/flagd/core/pkg/store"
	flagdsync "github.com/open-feature/flagd/core/pkg/sync"
	"github.com/open-feature/go-sdk/openfeature"
	"go.uber.org/zap"
)

// feed is where flagd's rules come from.
type feed interface {
	// follow gives rules as they come until ctx ends.
	follow(ctx context.Context, to *rules)
}

// rules is an OpenFeature provider that evaluates flagd's flag definitions
// (https://flagd.dev/reference/flag-definitions/) in this process, by flagd's
// own evaluator. It is not the provider that flagd publishes, which writes to
// standard error, at times who the user is, empties its flags when their file is
// gone for a moment, takes files that its schema refuses, and never comes back
// when it could not connect at first.
type rules struct {
	openfeature.NoopProvider // for the types that no route asks for
	evaluator                *evaluator.JSON
	feed                     feed

	events chan openfeature.Event
	loaded chan struct{} // closed with the first rules
	end    context.CancelFunc
	ctx    context.Context
	done   sync.WaitGroup

	mu    sync.Mutex // guards what follows; one change of rules at a time
	text  string
	ready bool
	lost  bool
}

const rulesName = "flagd"

func newRules(from feed) (*rules, error) {
	json, err := newJSON()
	if err != nil {
		return nil, err
	}
	r := &rules{
		evaluator: json, feed: from,
		events: make(chan openfeature.Event), loaded: make(chan struct{}),
	}
	r.ctx, r.end = context.WithCancel(context.Background())
	return r, nil
}

// newJSON is an evaluator without flags, which logs nothing.
func newJSON() (*evaluator.JSON, error) {
	silent := logger.NewLogger(zap.NewNop(), false)
	flags, err := store.NewStore(silent, []string{rulesName})
	if err != nil {
		return nil, err
	}
	return evaluator.NewJSON(silent, flags), nil
}

func setRules(to *evaluator.JSON, text string) error {
	return to.SetState(flagdsync.DataSync{FlagData: text, Source: rulesName})
}

// Metadata implements openfeature.FeatureProvider.
func (*rules) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: rulesName} }

// Init waits for the first rules.
func (r *rules) Init(openfeature.EvaluationContext) error {
	r.done.Go(func() { r.feed.follow(r.ctx, r) })
	select {
	case <-r.loaded:
		return nil
	case <-r.ctx.Done():
		return errors.New("ended before there were any flags")
	}
}

// Shutdown ends following the rules; those that are known stay.
func (r *rules) Shutdown() {
	r.end()
	r.done.Wait()
}

// EventChannel implements openfeature.EventHandler.
func (r *rules) EventChannel() <-chan openfeature.Event { return r.events }

// apply puts new rules in force, whole or not at all.
func (r *rules) apply(text string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := r.ready && text == r.text
	if !same {
		if err := setRules(r.evaluator, text); err != nil {
			return fmt.Errorf("not put in force: %w", err)
		}
		r.text = text
	}
	switch {
	case !r.ready:
		r.ready = true
		close(r.loaded)
	case !same:
		r.tell(openfeature.ProviderConfigChange, "")
	}
	if r.lost {
		r.lost = false
		r.tell(openfeature.ProviderReady, "")
	}
	return nil
}

// lose says that the rules may be old from now on, and whether there are any.
func (r *rules) lose(why error) (there bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ready && !r.lost {
		r.lost = true
		r.tell(openfeature.ProviderStale, why.Error())
	}
	return r.ready
}

func (r *rules) tell(kind openfeature.EventType, message string) {
	tell(r.ctx, r.events, kind, message)
}

// BooleanEvaluation implements openfeature.FeatureProvider.
func (r *rules) BooleanEvaluation(ctx context.Context, flag string, fallback bool, about openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	value, variant, reason, metadata, err := r.evaluator.ResolveBooleanValue(ctx, "", flag, about)
	detail := openfeature.BoolResolutionDetail{Value: fallback}
	detail.Reason, detail.Variant, detail.FlagMetadata = openfeature.Reason(reason), variant, metadata
	switch {
	case err != nil:
		detail.ResolutionError = rulesError(flag, err)
		detail.Reason = openfeature.ErrorReason
	case reason == model.FallbackReason: // no variant of the flag applies
		detail.Reason = openfeature.DefaultReason
	case reason != model.DisabledReason:
		detail.Value = value
	}
	return detail
}

func rulesError(flag string, err error) openfeature.ResolutionError {
	switch err.Error() {
	case model.FlagNotFoundErrorCode:
		return openfeature.NewFlagNotFoundResolutionError("no flag " + flag)
	case model.TypeMismatchErrorCode:
		return openfeature.NewTypeMismatchResolutionError("the flag " + flag + " is no boolean")
	case model.ParseErrorCode:
		return openfeature.NewParseErrorResolutionError("the rule of the flag " + flag + " cannot be evaluated")
	}
	return openfeature.NewGeneralResolutionError("the rule of the flag " + flag + " names no variant of it")
}

var (
	_ openfeature.FeatureProvider = (*rules)(nil)
	_ openfeature.StateHandler    = (*rules)(nil)
	_ openfeature.EventHandler    = (*rules)(nil)
)
