package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"
)

// session is a run under way.
type session struct {
	options *options
	lineup  lineup
	origin  *process
	load    *process
	orders  *json.Encoder
	results *json.Decoder
	// progress is told what happens now.
	progress io.Writer
	result   *report
}

// run measures everything and returns what there is to report.
func run(ctx context.Context, o *options, progress io.Writer) (_ *report, err error) {
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return nil, err
	}
	if _, err := os.Stat(o.binary); err != nil {
		return nil, fmt.Errorf("%w (make build makes it)", err)
	}
	dir, err := os.MkdirTemp("", "strangler-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s := &session{options: o, progress: progress, result: newReport(ctx, o)}
	s.lineup = lineup{options: o, dir: dir}
	if s.lineup.cert, err = makeCertificate(dir); err != nil {
		return nil, err
	}
	defer s.stop()
	if err := s.start(dir); err != nil {
		return nil, err
	}
	for _, name := range o.workloads {
		one, err := s.workload(ctx, workloadNamed(name))
		if err != nil {
			return nil, fmt.Errorf("workload %s: %w", name, err)
		}
		s.result.Workloads = append(s.result.Workloads, one)
	}
	s.result.finish(o)
	return s.result, nil
}

// start starts origin and load generator.
func (s *session) start(dir string) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if s.origin, err = start(dir, "origin", s.options.loadCPUs, nil, true, self, "origin"); err != nil {
		return err
	}
	if err := json.NewDecoder(s.origin.stdout).Decode(&s.lineup.origin); err != nil {
		return s.origin.died(err)
	}
	if s.load, err = start(dir, "load", s.options.loadCPUs, nil, true, self, "load"); err != nil {
		return err
	}
	s.orders, s.results = json.NewEncoder(s.load.stdin), json.NewDecoder(s.load.stdout)
	return nil
}

func (s *session) stop() {
	for _, p := range []*process{s.load, s.origin} {
		if p != nil {
			p.stop()
		}
	}
}

func (s *session) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.progress, format+"\n", args...)
}

// give hands an order to the load process and waits for what came of it. A
// cancelled run kills the process, which ends the wait.
func (s *session) give(ctx context.Context, o order) (sliceResult, error) {
	var r sliceResult
	stop := context.AfterFunc(ctx, func() { _ = s.load.cmd.Process.Kill() })
	defer stop()
	if err := s.orders.Encode(o); err != nil {
		return r, s.load.died(err)
	}
	if err := s.results.Decode(&r); err != nil {
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		return r, s.load.died(err)
	}
	if r.Wrong > 0 {
		return r, fmt.Errorf("%s: %d wrong answers next to %d correct ones; the first: %q", o.Proxy, r.Wrong, r.Answers, r.Errors)
	}
	return r, nil
}

// workload measures one kind of request on all its subjects.
func (s *session) workload(ctx context.Context, w workload) (*workloadResult, error) {
	s.say("%s: starting", w.name)
	all, err := s.lineup.start(ctx, w)
	defer s.lineup.stop(all)
	if err != nil {
		return nil, err
	}
	m := newMeasurement(s, w, all)
	if err := m.warmUp(ctx); err != nil {
		return nil, err
	}
	if err := m.saturated(ctx); err != nil {
		return nil, err
	}
	if err := m.paced(ctx); err != nil {
		return nil, err
	}
	if err := m.profile(ctx); err != nil {
		return nil, err
	}
	return m.finish(ctx)
}

// measurement is one workload under way.
type measurement struct {
	*session
	w        workload
	subjects []*subject
	results  []*subjectResult // by subject
	rate     float64
}

func newMeasurement(s *session, w workload, subjects []*subject) *measurement {
	m := &measurement{session: s, w: w, subjects: subjects}
	for _, one := range subjects {
		m.results = append(m.results, &subjectResult{Name: one.name, Title: one.title, Kind: one.kind, Routes: one.routes, Decided: one.decided})
	}
	return m
}

// order is a slice of this workload on one subject.
func (m *measurement) order(s *subject, length time.Duration) order {
	return order{
		Proxy: s.name, Address: s.address(m.w), CertFile: m.lineup.cert.cert, Workload: m.w.name,
		Crowd: m.w.name + " " + s.crowd, Users: m.w.users(), Paths: s.paths, Split: s.split(), Length: length,
	}
}

// ask gives an order and counts what came of it.
func (m *measurement) ask(ctx context.Context, s *subject, o order) (sliceResult, error) {
	r, err := m.give(ctx, o)
	s.answered += r.Answers
	return r, err
}

// warmUp lets every visitor get a cookie, those who are split first: the
// others are then asked with the same cookies. Where flags decide, each visitor
// asks for all there is for them to ask. Then it loads each proxy, which also
// brings its heap to size.
func (m *measurement) warmUp(ctx context.Context) error {
	for _, s := range m.subjects {
		if !s.split() {
			continue
		}
		first := m.order(s, 0)
		if first.Requests = m.w.users(); m.w.decided {
			first.Requests *= visits
		}
		if _, err := m.ask(ctx, s, first); err != nil {
			return err
		}
	}
	for _, s := range m.subjects {
		if _, err := m.ask(ctx, s, m.order(s, m.options.warmup)); err != nil {
			return err
		}
	}
	return nil
}

// saturated gives each subject its slices in turn, every second round in
// reverse, and reads CPU time around each slice.
func (m *measurement) saturated(ctx context.Context) error {
	before, asked := make([]allocations, len(m.subjects)), make([]int, len(m.subjects))
	for i, s := range m.subjects {
		var err error
		asked[i] = s.answered
		if before[i], err = m.allocations(ctx, s); err != nil {
			return err
		}
	}
	rounds, length := m.options.saturated(m.w)
	for round := range rounds {
		m.say("%s: round %d of %d", m.w.name, round+1, rounds)
		for _, i := range turn(len(m.subjects), round) {
			if err := m.slice(ctx, i, length); err != nil {
				return err
			}
		}
	}
	for i, s := range m.subjects {
		after, err := m.allocations(ctx, s)
		if err != nil {
			return err
		}
		m.results[i].allocated(before[i], after, s.answered-asked[i])
	}
	return nil
}

// turn is the order of a round: 0…n-1, every second time backwards.
func turn(n, round int) []int {
	places := make([]int, n)
	for i := range places {
		places[i] = i
		if round%2 == 1 {
			places[i] = n - 1 - i
		}
	}
	return places
}

func (m *measurement) allocations(ctx context.Context, s *subject) (allocations, error) {
	if !s.hasAdmin() {
		return allocations{}, nil
	}
	return allocationsOf(ctx, s.admin)
}

// visit has every user ask once, uncounted, where sessions are known: what fell due
// for them while the other proxies had their turns is not what a request costs.
func (m *measurement) visit(ctx context.Context, s *subject) error {
	if !m.w.session || m.w.fresh {
		return nil
	}
	o := m.order(s, 0)
	o.Requests = m.w.users()
	_, err := m.ask(ctx, s, o)
	return err
}

// slice is one saturated slice of subject i.
func (m *measurement) slice(ctx context.Context, i int, length time.Duration) error {
	s := m.subjects[i]
	if err := m.visit(ctx, s); err != nil {
		return err
	}
	pids := []int{s.process.pid(), m.load.pid(), m.origin.pid()}
	before, err := cpuTimes(pids)
	if err != nil {
		return err
	}
	r, err := m.ask(ctx, s, m.order(s, length))
	if err != nil {
		return err
	}
	after, err := cpuTimes(pids)
	if err != nil {
		return err
	}
	if r.Answers == 0 || after[0] <= before[0] {
		return fmt.Errorf("%s: a slice with %d answers in %s of CPU; -slice is too short", s.name, r.Answers, after[0]-before[0])
	}
	m.results[i].add(r, after[0]-before[0], after[1]+after[2]-before[1]-before[2])
	return nil
}

func cpuTimes(pids []int) ([]time.Duration, error) {
	times := make([]time.Duration, len(pids))
	for i, pid := range pids {
		var err error
		if times[i], err = cpuTime(pid); err != nil {
			return nil, err
		}
	}
	return times, nil
}

// paced offers all subjects the same rate, a share of what reverse_proxy can do,
// and looks at latency: at saturation it would only be throughput in another
// unit.
func (m *measurement) paced(ctx context.Context) error {
	m.rate = math.Round(highQuintile(m.results[0].series(perSecond)) * m.w.offered())
	m.say("%s: latency at %.0f requests per second", m.w.name, m.rate)
	rounds, length := m.options.paced(m.w)
	for round := range rounds {
		for _, i := range turn(len(m.subjects), round) {
			o := m.order(m.subjects[i], length)
			o.Rate = m.rate
			r, err := m.ask(ctx, m.subjects[i], o)
			if err != nil {
				return err
			}
			m.results[i].addPaced(r)
		}
	}
	return nil
}

// finish reads memory while all still run, and draws the ratios.
func (m *measurement) finish(ctx context.Context) (*workloadResult, error) {
	for i, s := range m.subjects {
		r := m.results[i]
		var err error
		if r.Memory, err = memoryOf(s.process.pid()); err != nil {
			return nil, err
		}
		if err := r.checkShare(m.w.whole()); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		switch s.decided {
		case byRollout:
			r.Evidence, err = s.proveRollouts(ctx)
		case byFlag:
			r.FlagCache, err = s.proveFlags(ctx)
		case byIdentity:
			r.Sessions, err = s.proveSessions(ctx, m.w.fresh)
		case byShadow, byHung:
			r.Compared, err = s.proveShadow(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	one := &workloadResult{Name: m.w.name, Title: m.w.title, Fresh: m.w.fresh, Line: m.w.line, Rate: m.rate, Subjects: m.results}
	one.compare(m.options)
	return one, nil
}
