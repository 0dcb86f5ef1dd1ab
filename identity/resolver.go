package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/strangler-proxy/strangler/identity/session"
	"github.com/strangler-proxy/strangler/identity/token"
)

// The defaults of ResolverOptions.
const (
	DefaultBound    = 5 * time.Second
	DefaultWait     = 250 * time.Millisecond
	DefaultSessions = 65_536
	DefaultInFlight = 64

	// negative is how long it counts, at most, that a session is nobody's.
	negative = time.Second
)

// ResolverOptions make a Resolver. Reader, Secret and Now are needed.
type ResolverOptions struct {
	// Reader reads the monolith's sessions.
	Reader session.Reader
	// Secret makes the sid of tokens, see token.NewSessionID. It outlives the process.
	Secret []byte
	// Now is the clock.
	Now func() time.Time
	// Bound is how long an answer counts, from when it was asked for; DefaultBound.
	Bound time.Duration
	// Wait is how long a request waits for one, and a lookup may take; DefaultWait.
	Wait time.Duration
	// Sessions is how many are kept, or up to twice as many; DefaultSessions.
	Sessions int
	// InFlight is how many are looked up at one time; DefaultInFlight.
	InFlight int
	// Watch is how the store tells of sessions that changed or ended, which then count
	// at once; none. What it misses counts within the bound.
	Watch session.Watch
	// Logger says when the store begins to fail, and when that is over. Nil: nobody
	// is told.
	Logger *slog.Logger
}

// Resolver says who requests are from, most of the time from memory. It promises
// that
//
//   - no answer is used for longer than the bound, nor after the session's own end;
//   - what the store tells of, where it can ([session.Watch]), counts at once;
//   - requests of one session that come together make one lookup, which no single
//     one of them can end;
//   - a store that is down or hangs makes requests unavailable, never anonymous,
//     and costs each at most the wait, and nothing once that was noticed;
//   - a session that fails by itself stops no other's lookups.
//
// Safe for concurrent use; a hit takes no lock and allocates nothing.
type Resolver struct {
	options ResolverOptions
	log     *slog.Logger
	key     [16]byte  // of the digests
	began   time.Time // when its clock was zero
	cache   *people

	slots    chan struct{}
	breaker  *gobreaker.TwoStepCircuitBreaker[struct{}]
	suspects suspects
	flights  sync.WaitGroup
	context  context.Context
	end      context.CancelFunc

	settled []*Person // outcomes without a detail, by their place in session.Reasons
	hits    atomic.Uint64
	evicted atomic.Uint64
	counts  []atomic.Uint64         // of lookups, by the place of their reason
	trouble atomic.Pointer[trouble] // of the store, until it answers
	odd     atomic.Pointer[trouble] // of the last session that could not be read
	forged  forged

	watch     *watch // nil: the store never tells
	followers sync.WaitGroup
}

// NewResolver checks the options.
func NewResolver(o ResolverOptions) (*Resolver, error) {
	if o.Reader == nil || o.Now == nil || len(o.Secret) < sha256.Size/2 {
		return nil, errors.New("identity: a resolver needs a reader, a clock and a secret of 16 bytes")
	}
	orDefault(&o.Bound, DefaultBound)
	orDefault(&o.Wait, DefaultWait)
	orDefault(&o.Sessions, DefaultSessions)
	orDefault(&o.InFlight, DefaultInFlight)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Resolver{
		options: o, log: o.Logger, cache: newPeople(o.Sessions), began: o.Now(), slots: make(chan struct{}, o.InFlight),
		counts: make([]atomic.Uint64, len(session.Reasons())),
	}
	_, _ = rand.Read(r.key[:]) // never fails, see crypto/rand
	r.context, r.end = context.WithCancel(context.Background())
	for _, reason := range session.Reasons() {
		r.settled = append(r.settled, newPerson(session.Unknown(reason, nil), token.SessionID{}))
	}
	r.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: 1, Timeout: restFor,
		ReadyToTrip: func(gobreaker.Counts) bool { return true }, // suspects has judged
		IsExcluded:  func(err error) bool { return errors.Is(err, errNotAsked) },
	})
	r.startWatch()
	return r, nil
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Close lets lookups end that are under way, as long as one may take, and ends
// those that do not. Requests after it are unavailable.
func (r *Resolver) Close() {
	done := make(chan struct{})
	go func() {
		r.flights.Wait()
		close(done)
	}()
	timer := time.NewTimer(r.options.Wait)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
	r.end()
	r.followers.Wait()
}

// Names are the cookies that the session is made of.
func (r *Resolver) Names() []string { return r.options.Reader.Names() }

// Find answers the session's value in a request. ok is false when who it is from
// is known without one: then it is the person.
func (r *Resolver) Find(header http.Header) (value string, known *Person, ok bool) {
	value, outcome, ok := r.options.Reader.Cookie(header)
	switch {
	case ok && len(header["Cookie"]) > 1:
		// Servers join lines with a semicolon, with a comma, or take one of them.
		return "", r.settled[place(session.AmbiguousCookie)], false
	case ok:
		return value, nil, true
	}
	if settled := r.settled[place(outcome.Reason)]; outcome.State == session.Unavailable && outcome.Err == nil {
		return "", settled, false
	}
	if outcome.State == session.Anonymous && outcome.Reason == session.NoCookie {
		return "", nobody, false
	}
	return "", newPerson(outcome, token.SessionID{}), false
}

// nobody has no session cookie.
var nobody = &Person{State: session.Anonymous, Reason: session.NoCookie}

// Resolve says who a request is from, as of now. It waits for a lookup for as
// long as the options and ctx allow; then the answer is unavailable.
func (r *Resolver) Resolve(ctx context.Context, header http.Header, now time.Time) *Person {
	value, person, ok := r.Find(header)
	if !ok {
		return person
	}
	return r.Open(ctx, value, now)
}

// Open is Resolve for a value that was found already.
func (r *Resolver) Open(ctx context.Context, value string, now time.Time) *Person {
	key := r.digest(value)
	e := r.find(&key)
	if e != nil {
		at := r.at(now)
		if k := e.known.Load(); k.good(at) {
			r.hits.Add(1)
			if at > k.refresh {
				r.launch(e, value, now) //nolint:contextcheck // a lookup is nobody's own: it outlives the request that asks first
			}
			return k
		}
	} else {
		e = r.cache.put(r.fresh(key, value))
	}
	return r.await(ctx, e, value, now)
}

// Glance is Open without a lookup: nil when nothing is known at once.
func (r *Resolver) Glance(value string, now time.Time) *Person {
	key := r.digest(value)
	if e := r.find(&key); e != nil {
		if k := e.known.Load(); k.good(r.at(now)) {
			return k
		}
	}
	return nil
}

// at is a time on the resolver's own clock, which nobody sets back or forth.
func (r *Resolver) at(now time.Time) time.Duration { return now.Sub(r.began) }

// digest makes the key of a session's value. The reader's value is the whole of
// what it answers by, and a resolver has one reader.
func (r *Resolver) digest(value string) digest {
	var room [512]byte // most have enough in it: nothing is to be had from elsewhere
	return sha256.Sum256(append(append(room[:0], r.key[:]...), value...))
}

// Forget drops what is known of a session, by its value, and its tokens: the monolith
// changed or ended it. Who comes from now on is looked up anew. It says whether there
// was something.
func (r *Resolver) Forget(value string) bool {
	key := r.digest(value)
	if !r.cache.forget(&key) {
		return false
	}
	r.evicted.Add(1)
	return true
}

// ForgetSubject drops what is known of a user's sessions, and of those that are
// being looked up, for they may be the user's.
func (r *Resolver) ForgetSubject(subject string) {
	r.cache.dropAll(func(e *entry) bool {
		k := e.known.Load()
		drop := k == nil || e.flight.Load() != nil || k.Subject() == subject
		if drop {
			r.evicted.Add(1)
		}
		return drop
	})
}

// ForgetAll drops all that is known.
func (r *Resolver) ForgetAll() {
	r.cache.dropAll(func(*entry) bool {
		r.evicted.Add(1)
		return true
	})
}
