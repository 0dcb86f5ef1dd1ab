package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/strangler-proxy/strangler/rollout"
)

// maxAnswer is how much of an answer's body is read, in bytes, and maxHead of
// its head.
const (
	maxAnswer = 4 << 10
	maxHead   = 16 << 10
)

// poster makes a webhook's requests.
type poster struct {
	webhook Webhook
	now     func() time.Time
	round   time.Duration
	client  *retryablehttp.Client
}

func newPoster(webhook Webhook, o Options) *poster {
	client := retryablehttp.NewClient()
	client.Logger = nil // it would log the URL
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = o.pace.attempts, o.pace.waitMin, o.pace.waitMax
	client.Backoff = boundedBackoff
	client.CheckRetry = mayRetry
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	client.HTTPClient = &http.Client{
		Timeout: o.pace.attempt,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: maxHead, TLSHandshakeTimeout: o.pace.attempt, ForceAttemptHTTP2: true,
		},
		// An event is for the one it is addressed to.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &poster{
		webhook: webhook, now: o.Now, client: client,
		round: time.Duration(o.pace.attempts+1) * (o.pace.attempt + o.pace.waitMax),
	}
}

func (p *poster) close() { p.client.HTTPClient.CloseIdleConnections() }

// boundedBackoff waits as long as the receiver asks for (Retry-After), within
// bounds: the pause after the round does the rest.
func boundedBackoff(shortest, longest time.Duration, attempt int, answer *http.Response) time.Duration {
	return min(longest, retryablehttp.DefaultBackoff(shortest, longest, attempt, answer))
}

// mayRetry tries again at once what may go by itself: no answer, 408, 429, 5xx.
// Anything else but 2xx is mended by a person, and waits for the next round.
func mayRetry(ctx context.Context, answer *http.Response, err error) (bool, error) {
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil:
		return true, nil //nolint:nilerr // an error here would end the retries
	}
	return answer.StatusCode == http.StatusRequestTimeout || answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= 500, nil
}

// deliver sends an event, with some retries. The error does not hold the URL.
func (p *poster) deliver(ctx context.Context, c rollout.Change) error {
	ctx, cancel := context.WithTimeout(ctx, p.round)
	defer cancel()
	request, err := p.request(ctx, c)
	if err != nil {
		return withoutURL(err)
	}
	answer, err := p.client.Do(request)
	if answer != nil {
		defer func() {
			_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // lets the connection be used again
			_ = answer.Body.Close()
		}()
	}
	switch {
	case err != nil:
		return withoutURL(err)
	case answer.StatusCode >= 300 && answer.StatusCode < 400:
		return fmt.Errorf("it answered %d, and redirects are not followed: configure the URL that it redirects to", answer.StatusCode)
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return fmt.Errorf("it answered %d", answer.StatusCode)
	}
	return nil
}

func (p *poster) request(ctx context.Context, c rollout.Change) (*retryablehttp.Request, error) {
	body, err := p.webhook.Format.payload(c)
	if err != nil {
		return nil, err
	}
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, p.webhook.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Strangler-Webhook")
	request.Header.Set("Idempotency-Key", c.ID)
	request.Header.Set("Webhook-Id", c.ID)
	seal := func(r *http.Request) error {
		r.Header = r.Header.Clone() // the attempt before may still be writing them
		timestamp := strconv.FormatInt(p.now().Unix(), 10)
		r.Header.Set("Webhook-Timestamp", timestamp)
		if len(p.webhook.Secret) > 0 {
			r.Header.Set("Webhook-Signature", p.webhook.Secret.sign(c.ID, timestamp, body))
		}
		return nil
	}
	p.client.PrepareRetry = seal // one delivery at a time
	return request, seal(request.Request)
}

// withoutURL takes the URL out of an error of net/http.
func withoutURL(err error) error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		return fmt.Errorf("it was not reached: %w", wrapped.Err)
	}
	return err
}
