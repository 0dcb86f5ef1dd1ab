package shadow

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/strangler-proxy/strangler/shadow/diff"
)

// What may go wrong when a side is asked.
var (
	errBusy   = errors.New("as many requests as allowed are under way at the target")
	errMemory = errors.New("the budget has no room for the answer")
	errToken  = errors.New("there is no token for the shadow")
)

// DryRunHeader is how a shadow proves that a request changes nothing; its value
// is [DryRunAck].
const (
	DryRunHeader = "X-Strangler-Dry-Run"
	DryRunAck    = "ack"
)

// reply is a side's answer, in memory that the exchange gives back.
type reply struct {
	Side
	body   copied
	ack    bool
	looped bool // see [NotMirroredHeader]
}

// ask asks one side what the client has asked. It takes no longer than the
// route's timeout for a place at the target and the same for the answer.
func (x *Exchange) ask(ctx context.Context, s *side, id string) (*reply, error) {
	defer x.compute() // when the place at the target is left
	if !s.entered() {
		x.pause()
		if err := s.enter(ctx, x.plan.Timeout); err != nil {
			return nil, err
		}
	}
	defer s.leave()
	ctx, cancel := context.WithTimeout(ctx, x.plan.Timeout)
	defer cancel()
	var token http.Header
	if !s.monolith && x.plan.Token != nil {
		x.pause()
		var err error
		if token, err = x.plan.Token(ctx, x.given.Principal); err != nil || len(token) == 0 {
			return nil, errToken
		}
	}
	x.compute()
	var cold atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) { cold.Store(!c.Reused) },
	})
	r, body := x.request(s, id, token)
	defer body.stop()
	start := x.mirror.all.now()
	x.pause()
	response, err := s.roundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if !x.hold(headerSize(response.Header)) {
		return nil, errMemory
	}
	out := x.newReply()
	truncated, err := out.body.fill(response)
	if err != nil {
		return nil, err
	}
	out.Took, out.Cold = x.mirror.all.now().Sub(start), cold.Load()
	out.ack, out.looped = response.Header.Get(DryRunHeader) == DryRunAck, looped(response.Header)
	if s.build != "" {
		out.Build = response.Header.Get(s.build)
	}
	out.Answer = diff.Answer{
		Status: response.StatusCode, Header: response.Header, Trailer: response.Trailer,
		Body: out.body.bytes(), Truncated: truncated,
	}
	return out, nil
}

// newReply is an empty one.
func (x *Exchange) newReply() *reply {
	out := &reply{body: copied{memory: &x.mirror.all.memory, limit: x.plan.Body, whole: lossAnswer}}
	x.replies = append(x.replies, out)
	return out
}

// fill reads an answer's body up to the limit, and tells whether there is more.
func (c *copied) fill(r *http.Response) (truncated bool, err error) {
	if r.ContentLength > 0 && r.ContentLength <= int64(c.limit) {
		c.expect(r.ContentLength)
	}
	for {
		room := c.room()
		if c.loss == lossMemory {
			return false, errMemory
		}
		if len(room) == 0 {
			// Full: one byte more tells whether that is all.
			var one [1]byte
			n, err := io.ReadFull(r.Body, one[:])
			if errors.Is(err, io.EOF) {
				return false, nil
			}
			return n == 1, err
		}
		n, err := r.Body.Read(room)
		c.read(n)
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}

// whyOf is one word for an error of ask.
func whyOf(err error) string {
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errBusy):
		return "busy"
	case errors.Is(err, errMemory):
		return "memory"
	case errors.Is(err, errToken):
		return "no_token"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "closed"
	case errors.As(err, &certificate):
		return "certificate"
	case dialing(err):
		return "connect"
	}
	return "broken"
}

// bucketOf is where a request ends when its shadow gave no answer.
func (p *plan) bucketOf(why string) Bucket {
	switch why {
	case "busy", "memory", "closed":
		return DroppedQueueFull
	case "no_token":
		return SkippedNoIdentity
	}
	switch {
	case p.Reverse:
		return MonolithError
	case why == "timeout":
		return ShadowTimeout
	}
	return ShadowError
}

// primary is the answer that the client got.
func (x *Exchange) primary() Side {
	s := Side{Took: x.took, Answer: diff.Answer{
		Status: x.status, Header: headerOf(x.answerHead), Body: x.answer.bytes(),
	}}
	if x.trailer != "" {
		s.Answer.Trailer = headerOf(x.trailer)
	}
	build := x.plan.monolith.build
	if x.plan.Reverse {
		build = x.plan.service.build
	}
	if build != "" {
		s.Build = s.Answer.Header.Get(build)
	}
	return s
}
