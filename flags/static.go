package flags

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"github.com/open-feature/go-sdk/openfeature"
)

// environmentPrefix starts the names of the variables that are flags.
const environmentPrefix = "STRANGLER_FLAG_"

// Environment takes flags from the environment of this process: the flag
// tickets-service is STRANGLER_FLAG_TICKETS_SERVICE, the name in capitals with _
// for whatever is no letter or digit. Its value is true or false, on or off, yes
// or no, 1 or 0; any other is an error (PARSE_ERROR), and the monolith.
func Environment() Source {
	return fixed("env", func(flag string) (value, there bool, err error) {
		text, there := os.LookupEnv(environmentPrefix + environmentName(flag))
		if !there {
			return false, false, nil
		}
		value, known := words[strings.ToLower(strings.TrimSpace(text))]
		if !known {
			err = fmt.Errorf("%s%s=%q: true or false is expected", environmentPrefix, environmentName(flag), text)
		}
		return value, true, err
	})
}

var words = map[string]bool{
	"true": true, "on": true, "yes": true, "1": true,
	"false": false, "off": false, "no": false, "0": false,
}

func environmentName(flag string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, flag)
}

// Memory holds flags that this process sets itself, such as those that a route
// table declares. The zero value has none. Its methods may be called
// concurrently.
type Memory struct {
	flags  atomic.Pointer[map[string]bool]
	events atomic.Pointer[chan openfeature.Event]
}

// Set replaces all flags. The map must not be changed afterwards.
func (m *Memory) Set(all map[string]bool) {
	m.flags.Store(&all)
	if events := m.events.Load(); events != nil {
		select {
		case *events <- openfeature.Event{EventType: openfeature.ProviderConfigChange}:
		default: // one is waiting to be told already, and is later than the change
		}
	}
}

// InMemory takes flags from m, which belongs to one Evaluator.
func InMemory(m *Memory) Source {
	s := fixed("memory", func(flag string) (value, there bool, err error) {
		if all := m.flags.Load(); all != nil {
			value, there = (*all)[flag]
		}
		return value, there, nil
	})
	plain := s.make
	s.make = func(ctx context.Context, report func(error)) (openfeature.FeatureProvider, error) {
		provider, err := plain(ctx, report)
		events := make(chan openfeature.Event, 1)
		m.events.Store(&events)
		return &tellingTable{FeatureProvider: provider, events: events}, err
	}
	return s
}

// lookup finds a flag that is the same for everybody.
type lookup func(flag string) (value, there bool, err error)

func fixed(name string, find lookup) Source {
	return Source{
		Name: name, traits: traits{local: true, tells: true},
		make: func(context.Context, func(error)) (openfeature.FeatureProvider, error) {
			return &table{name: name, find: find}, nil
		},
	}
}

// table is a provider of flags that are the same for everybody.
type table struct {
	openfeature.NoopProvider // for the types that no route asks for
	name                     string
	find                     lookup
}

// Metadata implements openfeature.FeatureProvider.
func (t *table) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: t.name} }

// BooleanEvaluation implements openfeature.FeatureProvider.
func (t *table) BooleanEvaluation(_ context.Context, flag string, fallback bool, _ openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	detail := openfeature.BoolResolutionDetail{Value: fallback}
	value, there, err := t.find(flag)
	switch {
	case !there:
		detail.Reason, detail.ResolutionError = openfeature.ErrorReason, openfeature.NewFlagNotFoundResolutionError("no flag "+flag)
	case err != nil:
		detail.Reason, detail.ResolutionError = openfeature.ErrorReason, openfeature.NewParseErrorResolutionError(err.Error())
	default:
		detail.Value, detail.Reason, detail.Variant = value, openfeature.StaticReason, fmt.Sprint(value)
	}
	return detail
}

// tellingTable is a provider that also tells of changes.
type tellingTable struct {
	openfeature.FeatureProvider
	events chan openfeature.Event
}

// EventChannel implements openfeature.EventHandler.
func (t *tellingTable) EventChannel() <-chan openfeature.Event { return t.events }
