package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/strangler-proxy/strangler/shadow/cases"
	"github.com/strangler-proxy/strangler/shadow/diff"
)

// Options are how exchanges are replayed.
type Options struct {
	// Target is the service's URL; a path in it stands before each target.
	Target *url.URL
	// Against is a second target that is asked the same; its answers are what is
	// expected. Nil: what the source says.
	Against *url.URL
	// Compare is how answers are compared; nil: as each case says, else by no rule.
	Compare *diff.Options
	// Header is added to each request.
	Header http.Header
	// Unsafe also sends what may change something; Credentials also sends the
	// headers that say who asks. Values shows values in the result.
	Unsafe, Credentials, Values bool
	// Concurrency is how many requests are asked at once, at least 1; Timeout how
	// long one may take.
	Concurrency int
	Timeout     time.Duration
	// Now is the clock. Required.
	Now func() time.Time
	// Done is called after each exchange, one call at a time; nil: nobody is told.
	Done func(Outcome)
	// Transport asks; nil: one of its own.
	Transport http.RoundTripper
}

// Run replays until all is done or ctx ends; the result is of what was done. The
// error is one of the options.
func Run(ctx context.Context, o Options, exchanges []Exchange) (*Result, error) {
	if o.Transport == nil {
		transport := &http.Transport{MaxIdleConnsPerHost: max(1, o.Concurrency), Proxy: http.ProxyFromEnvironment}
		defer transport.CloseIdleConnections()
		o.Transport = transport
	}
	r := &runner{Options: o, comparers: map[string]*diff.Comparer{}, result: newResult(&o, len(exchanges))}
	if o.Compare != nil {
		comparer, err := diff.New(*o.Compare)
		if err != nil {
			return nil, err
		}
		r.comparer = comparer
	}
	work := make(chan *Exchange)
	var workers sync.WaitGroup
	for range max(1, o.Concurrency) {
		workers.Go(func() {
			for x := range work {
				r.done(ctx, x)
			}
		})
	}
feed:
	for i := range exchanges {
		exchanges[i].place = i
		select {
		case work <- &exchanges[i]:
		case <-ctx.Done():
			break feed
		}
	}
	close(work)
	workers.Wait()
	r.result.finish(ctx.Err() != nil)
	return r.result, nil
}

type runner struct {
	Options
	comparer *diff.Comparer

	mu        sync.Mutex
	comparers map[string]*diff.Comparer // of cases, by their options
	result    *Result
}

// done replays one exchange and adds what came of it. What was cut off is none.
func (r *runner) done(ctx context.Context, x *Exchange) {
	outcome := r.replay(ctx, x)
	if ctx.Err() != nil && outcome.Verdict == Failed {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.add(&outcome, r.Values)
	if r.Done != nil {
		r.Done(outcome)
	}
}

func (r *runner) replay(ctx context.Context, x *Exchange) Outcome {
	out := Outcome{Name: x.Name, Method: x.Method, Target: x.shown(r.Values), place: x.place}
	switch {
	case !safe(x.Method) && !r.Unsafe:
		return out.end(SkippedUnsafe, "")
	case len(x.Missing) > 0:
		return out.end(SkippedIncomplete, fmt.Sprintf("no value for %s", x.Missing))
	case x.BodyLost:
		return out.end(SkippedIncomplete, "the request's body is not kept")
	}
	comparer, err := r.compares(x)
	if err != nil {
		return out.end(NotComparable, err.Error())
	}
	out.sent = true
	got, err := r.ask(ctx, r.Target, x)
	if err != nil {
		return out.end(Failed, "the target: "+err.Error())
	}
	expected := x
	if r.Against != nil {
		answer, err := r.ask(ctx, r.Against, x)
		if err != nil {
			return out.end(Failed, "the target it is compared with: "+err.Error())
		}
		expected = &Exchange{Answer: &answer}
	}
	out.Expected, out.Got = expected.status(), got.Status
	result, sight := expected.compare(comparer, got, r.Now())
	out.Differences = result.Differences
	switch result.Verdict {
	case diff.Different:
		return out.end(Different, "")
	case diff.NotComparable:
		return out.end(NotComparable, string(result.Reason))
	case diff.Equal, diff.EqualByRule:
	}
	switch {
	case sight == cases.Blind:
		return out.end(Undecided, "the values that differed are redacted")
	case sight == cases.Redacted:
		return out.end(EqualRedacted, "")
	case result.Verdict == diff.EqualByRule:
		return out.end(EqualByRule, "")
	}
	return out.end(Equal, "")
}

func (x *Exchange) status() int {
	if x.Case != nil {
		return x.Case.Expected.Status
	}
	return x.Answer.Status
}

// compares is what the exchange is compared by.
func (r *runner) compares(x *Exchange) (*diff.Comparer, error) {
	if r.comparer != nil {
		return r.comparer, nil
	}
	var o diff.Options
	if x.Case != nil {
		o = x.Case.Options()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := fmt.Sprint(o.Presets, o.Rules)
	if r.comparers[key] == nil {
		comparer, err := diff.New(o)
		if err != nil {
			return nil, err
		}
		r.comparers[key] = comparer
	}
	return r.comparers[key], nil
}

// ask sends the request to a target. Redirects are answers, not followed.
func (r *runner) ask(ctx context.Context, target *url.URL, x *Exchange) (answer diff.Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	asked, err := target.Parse(joined(target.EscapedPath(), x.Target))
	if err != nil {
		return answer, errors.New("the request's target is no URL")
	}
	request, err := http.NewRequestWithContext(ctx, x.Method, asked.String(), bytes.NewReader(x.Body))
	if err != nil {
		return answer, errors.New("the request cannot be sent as it is")
	}
	request.Header = x.header(r.Credentials)
	for name, values := range r.Header {
		request.Header[name] = values
	}
	if host := r.Header.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := r.Transport.RoundTrip(request)
	if err != nil {
		return answer, unwrapped(err)
	}
	defer func() { _ = response.Body.Close() }() // it was read, or is not wanted
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return answer, fmt.Errorf("reading the answer: %w", unwrapped(err))
	}
	answer = diff.Answer{Status: response.StatusCode, Header: response.Header, Trailer: response.Trailer, Body: body}
	if len(body) > maxBody {
		answer.Body, answer.Truncated = body[:maxBody], true
	}
	return answer, nil
}

// unwrapped is an error without the URL, which may hold a secret.
func unwrapped(err error) error {
	if wrapped, is := errors.AsType[*url.Error](err); is {
		return wrapped.Err
	}
	return err
}

// joined is a target behind a path.
func joined(path, target string) string {
	for len(path) > 0 && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	if path == "" && len(target) > 1 && target[1] == '/' {
		return "/." + target // "//" would begin a host
	}
	return path + target
}
