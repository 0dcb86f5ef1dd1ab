package shadow

import (
	"errors"
	"os"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"syscall"
)

// pace makes comparing give way to clients. Go's scheduler knows no priorities, and
// looks for requests that have come only when nothing else is left to run: what
// compares would keep clients waiting for as long as there is something to compare. So
// each stage of a comparison, which is to build what is sent, and to compare and
// record, takes its turn: there are fewer turns than cores, each first lets what has
// come from clients run, and goes on when nobody waits for a core any more, or after
// patience rounds of that, so that it never ends.
type pace struct {
	turns chan *turn
	waits func() bool  // whether goroutines wait for a core; nil: the runtime is asked
	lost  atomic.Int64 // rounds that a turn has waited lately, on average, in units of 1/lostUnit
}

// patience is after how many rounds a stage no longer waits: of a full core it gets
// about one part in that many.
const patience = 16

// An average moves by 1/lately towards each new value.
const (
	lostUnit = 256
	lately   = 32
)

func newPace() (*pace, error) {
	p := &pace{turns: make(chan *turn, max(1, runtime.GOMAXPROCS(0)/2))}
	for range cap(p.turns) {
		t, err := newTurn()
		if err != nil {
			return nil, errors.Join(err, p.close())
		}
		p.turns <- t
	}
	return p, nil
}

// begin waits for a turn. Whoever has one waits for nobody else.
func (p *pace) begin() *turn {
	t := <-p.turns
	rounds := 0
	for t.letGo(); rounds < patience && p.crowded(t); rounds++ {
		t.letGo()
	}
	lost := p.lost.Load()
	p.lost.Store(lost + (int64(rounds)*lostUnit-lost)/lately)
	return t
}

func (p *pace) end(t *turn) { p.turns <- t }

// givesWay tells whether clients need the process: its turns have waited more than
// half of their patience.
func (p *pace) givesWay() bool { return p.lost.Load() > patience*lostUnit/2 }

// crowded tells whether more goroutines wait for a core than there are turns.
func (p *pace) crowded(t *turn) bool {
	if p.waits != nil {
		return p.waits()
	}
	metrics.Read(t.sample[:])
	return t.sample[0].Value.Kind() == metrics.KindUint64 && t.sample[0].Value.Uint64() >= uint64(cap(p.turns))
}

// close ends the pace, when nobody has a turn.
func (p *pace) close() (err error) {
	for range len(p.turns) {
		t := <-p.turns
		err = errors.Join(err, t.in.Close(), t.out.Close())
	}
	return err
}

// turn is one stage's at a time.
type turn struct {
	in, out *os.File // of a pipe that nobody else knows
	poll    syscall.RawConn
	let     func(uintptr) bool
	told    bool
	one     [1]byte
	sample  [1]metrics.Sample
}

func newTurn() (*turn, error) {
	t := new(turn)
	var err error
	if t.out, t.in, err = os.Pipe(); err != nil {
		return nil, err
	}
	if t.poll, err = t.out.SyscallConn(); err != nil {
		return nil, errors.Join(err, t.in.Close(), t.out.Close())
	}
	t.let = t.tell
	t.sample[0].Name = "/sched/goroutines/runnable:goroutines"
	return t, nil
}

// letGo waits where requests are waited for: on the network poller, for a byte that
// it has sent to itself. It is found there when all that could run has run
// (runtime.Gosched would be found before).
func (t *turn) letGo() {
	t.told = false
	_ = t.poll.Read(t.let)
	_, _ = t.out.Read(t.one[:])
}

// tell sends the byte when the poller was already asked for it: one that is there
// before is read at once.
func (t *turn) tell(uintptr) (done bool) {
	if t.told {
		return true
	}
	t.told = true
	_, err := t.in.Write(t.one[:])
	return err != nil
}

// compute waits for a turn, unless the exchange has it.
func (x *Exchange) compute() {
	if x.turn == nil {
		x.turn = x.mirror.all.pace.begin()
	}
}

// pause ends the turn: before anything that waits.
func (x *Exchange) pause() {
	if x.turn != nil {
		x.mirror.all.pace.end(x.turn)
		x.turn = nil
	}
}
