package flags

import (
	"context"
	"errors"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

const (
	firstPause = 250 * time.Millisecond
	lastPause  = 5 * time.Second
)

var errStreamEnded = errors.New("flagd ended the stream")

// persist listens again and again until ctx ends, with growing pauses as long as
// nothing is heard.
func persist(ctx context.Context, listen func(context.Context) (heard bool)) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if listen(ctx) {
			pause = firstPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// tell emits an event of a flagd provider, unless it has ended.
func tell(ctx context.Context, to chan<- openfeature.Event, kind openfeature.EventType, message string) {
	select {
	case to <- openfeature.Event{
		ProviderName: rulesName, EventType: kind,
		ProviderEventDetails: openfeature.ProviderEventDetails{Message: message},
	}:
	case <-ctx.Done():
	}
}
