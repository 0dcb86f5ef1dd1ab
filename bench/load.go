package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// order is one slice of load, as the run asks it of the load process: a line
// of JSON on stdin, answered by a line with a sliceResult.
type order struct {
	// Proxy names the proxy; its connections are kept from slice to slice.
	Proxy string `json:"proxy"`
	// Address is where the proxy listens, CertFile the certificate it shows.
	Address  string `json:"address"`
	CertFile string `json:"cert_file"`
	Workload string `json:"workload"`
	// Crowd names the users; Users and Paths make them at the first order.
	Crowd string   `json:"crowd"`
	Users int      `json:"users"`
	Paths []string `json:"paths"`
	// Split expects each user's arm to be one of two and to stay; otherwise
	// the monolith must answer.
	Split bool `json:"split"`
	// Requests, when not 0, is how many to make. Otherwise the slice lasts for
	// Length.
	Requests int           `json:"requests"`
	Length   time.Duration `json:"length"`
	// Rate is how many requests per second to offer; 0 means as many as the
	// connections can.
	Rate float64 `json:"rate"`
}

// sliceResult is what came of an order.
type sliceResult struct {
	// Answers counts the correct ones, Wrong all others; Errors are the first
	// few reasons.
	Answers int      `json:"answers"`
	Wrong   int      `json:"wrong"`
	Errors  []string `json:"errors,omitempty"`
	// Elapsed is from the first request to the last answer.
	Elapsed time.Duration `json:"elapsed"`
	// P50 and P99 are the percentiles of the correct answers' latency, from
	// request (or, when the client was late, from when it was due) to the last
	// byte.
	P50 time.Duration `json:"p50"`
	P99 time.Duration `json:"p99"`
	// Service and Seen say on which arm the crowd's users are so far.
	Service int `json:"service"`
	Seen    int `json:"seen"`
}

const (
	// maxWrong ends a slice: something is broken, more of it tells nothing.
	maxWrong = 50
	// shownErrors is how many of the reasons are kept.
	shownErrors = 3
	// patience is how long an answer may take.
	patience = 20 * time.Second
)

// worker keeps one connection busy until the slice has no more to ask.
type worker interface {
	work(s *slice) error
	close()
}

// serveLoad is the subcommand load: orders in, results out, until stdin ends.
func serveLoad(stdin io.Reader, stdout io.Writer) error {
	in, out := json.NewDecoder(stdin), json.NewEncoder(stdout)
	crowds := make(map[string]*crowd)
	pools := make(map[string][]worker)
	defer func() {
		for _, pool := range pools {
			closeAll(pool)
		}
	}()
	for {
		var o order
		switch err := in.Decode(&o); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if crowds[o.Crowd] == nil {
			crowds[o.Crowd] = newCrowd(workloadNamed(o.Workload), o.Users, o.Paths)
		}
		s := newSlice(o, crowds[o.Crowd])
		key := o.Proxy + " " + o.Workload
		if err := s.dial(&o, pools, key); err != nil {
			s.giveUp(err)
		} else {
			s.run(pools[key])
		}
		if err := out.Encode(s.result()); err != nil {
			return err
		}
	}
}

func closeAll(pool []worker) {
	for _, w := range pool {
		w.close()
	}
}

// slice is one order under way; its methods may be called by all workers.
type slice struct {
	order    order
	workload workload
	crowd    *crowd
	body     []byte // what an upload sends
	started  time.Time
	deadline time.Time

	mu        sync.Mutex
	seq       uint64
	wrong     int
	errors    []string
	latencies []time.Duration
	ended     time.Time
}

func newSlice(o order, c *crowd) *slice {
	w := workloadNamed(o.Workload)
	return &slice{order: o, workload: w, crowd: c, body: largeText(w.upload)}
}

// dial opens the connections that are not open yet.
func (s *slice) dial(o *order, pools map[string][]worker, key string) error {
	for len(pools[key]) < s.workload.connections {
		w, err := dialWorker(o, s.workload)
		if err != nil {
			return err
		}
		pools[key] = append(pools[key], w)
	}
	return nil
}

func dialWorker(o *order, w workload) (worker, error) {
	if w.http2 {
		return dialHTTP2(o)
	}
	return dialHTTP1(o)
}

// run lets every worker work; one that fails gets a new connection for the
// next try, as long as the slice is not hopeless.
func (s *slice) run(pool []worker) {
	s.started = time.Now()
	s.ended = s.started
	s.deadline = s.started.Add(s.order.Length)
	var all sync.WaitGroup
	for i := range pool {
		all.Go(func() {
			for {
				err := pool[i].work(s)
				if err == nil {
					return
				}
				pool[i].close()
				s.fail(err)
				fresh, err := dialWorker(&s.order, s.workload)
				if err != nil {
					s.giveUp(err)
					return
				}
				pool[i] = fresh
			}
		})
	}
	all.Wait()
}

// limit is when a connection that still waits for an answer is given up.
func (s *slice) limit() time.Time {
	if s.order.Requests > 0 {
		return s.started.Add(patience)
	}
	return s.deadline.Add(patience)
}

// ask is one request.
type ask struct {
	user, path int
	// due is when to send it: zero, now.
	due time.Time
	// sent is when its latency begins.
	sent time.Time
}

// next is the next request to make, false when the slice is over.
func (s *slice) next() (ask, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong >= maxWrong {
		return ask{}, false
	}
	var a ask
	switch {
	case s.order.Requests > 0:
		if s.seq >= uint64(s.order.Requests) {
			return a, false
		}
	case s.order.Rate > 0:
		a.due = s.started.Add(time.Duration(float64(s.seq) / s.order.Rate * float64(time.Second)))
		if a.due.After(s.deadline) {
			return a, false
		}
	case time.Now().After(s.deadline):
		return a, false
	}
	a.user, a.path = s.crowd.at(s.seq)
	s.seq++
	return a, true
}

// begin waits until the request is due and starts its clock. A client that
// waited starts it now: that its timer was late is not the proxy's doing. One
// that came late, because its last answer did, starts it when it was due.
func (s *slice) begin(a *ask) {
	a.sent = time.Now()
	if a.due.IsZero() {
		return
	}
	if wait := a.due.Sub(a.sent); wait > 0 {
		<-time.After(wait)
		a.sent = time.Now()
		return
	}
	a.sent = a.due
}

// answer is what a client read; its body was compared while reading.
type answer struct {
	status int
	arm    uint32
	// cookie is the first one set, as name=value.
	cookie string
	// length is the body's; intact, that every byte was as expected.
	length int
	intact bool
}

// end checks the answer and notes it.
func (s *slice) end(a ask, got answer) {
	now := time.Now()
	err := s.check(a, got)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = now
	if err != nil {
		s.note(err)
		return
	}
	s.latencies = append(s.latencies, now.Sub(a.sent))
}

func (s *slice) check(a ask, got answer) error {
	switch {
	case got.status != 200:
		return fmt.Errorf("status %d", got.status)
	case got.length != len(s.workload.answer) || !got.intact:
		return fmt.Errorf("the body of %d bytes is not the expected one of %d", got.length, len(s.workload.answer))
	case got.arm == armUnknown:
		return errors.New("the answer does not say which arm it is from")
	case !s.order.Split && got.arm != armMonolith:
		return errors.New("not answered by the monolith")
	}
	if !s.order.Split {
		return nil
	}
	if s.crowd.sticky == stickyVisitor && s.crowd.cookies[a.user] == "" {
		if got.cookie == "" {
			return errors.New("a new visitor got no cookie")
		}
		if !s.crowd.fresh {
			s.crowd.cookies[a.user] = got.cookie
		}
	}
	return s.crowd.agree(a.user, a.path, got.arm)
}

// fail notes a broken connection.
func (s *slice) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(err)
}

// giveUp ends the slice.
func (s *slice) giveUp(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(err)
	s.wrong = max(s.wrong, maxWrong)
}

// note counts a wrong answer; the caller holds mu.
func (s *slice) note(err error) {
	s.wrong++
	if len(s.errors) < shownErrors {
		s.errors = append(s.errors, err.Error())
	}
}

func (s *slice) result() sliceResult {
	slices.Sort(s.latencies)
	r := sliceResult{
		Answers: len(s.latencies),
		Wrong:   s.wrong,
		Errors:  s.errors,
		Elapsed: s.ended.Sub(s.started),
		P50:     percentile(s.latencies, 0.5),
		P99:     percentile(s.latencies, 0.99),
	}
	if s.order.Split {
		r.Service, r.Seen = s.crowd.share()
	}
	return r
}
