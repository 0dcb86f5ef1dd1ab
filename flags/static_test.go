package flags

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

func TestEnvironment(t *testing.T) {
	t.Setenv("STRANGLER_FLAG_TICKETS_SERVICE", "on")
	t.Setenv("STRANGLER_FLAG_FAQ", "false")
	t.Setenv("STRANGLER_FLAG_ODD", "maybe")
	e := start(t, Options{Sources: []Source{Environment()}})
	for flag, want := range map[string]Answer{
		"tickets-service": {Value: true, Variant: "true", Reason: "STATIC", Source: "env"},
		"faq":             {Variant: "false", Reason: "STATIC", Source: "env"},
		"odd":             {Reason: "ERROR", Err: ErrParse, Source: "env"},
		"none":            {Reason: "ERROR", Err: ErrFlagNotFound, Source: "env"},
	} {
		if got := decide(t, e, flag, ""); got != want {
			t.Errorf("%s: %+v, want %+v", flag, got, want)
		}
	}
}

func TestSourcesInTheirOrder(t *testing.T) {
	t.Parallel()
	memory := new(Memory)
	memory.Set(map[string]bool{"tickets": false, "faq": true})
	down := Provider("down", true, true, func() (openfeature.FeatureProvider, error) {
		return &table{name: "down", find: func(flag string) (bool, bool, error) {
			return false, flag == "faq", errors.New("cannot say")
		}}, nil
	})
	file := FlagdFile(flagFile(t, onOff))
	e := start(t, Options{Sources: []Source{file, down, InMemory(memory)}})
	if a := decide(t, e, "tickets", "ann"); !a.Value || a.Source != file.Name {
		t.Errorf("the first that has the flag: %+v", a)
	}
	if a := decide(t, e, "faq", "ann"); a.Value || a.Err != ErrParse || a.Source != "down" {
		t.Errorf("one that cannot say ends the search: %+v", a)
	}
	memory.Set(map[string]bool{"search": true})
	within(t, time.Second, "a change in memory is in force", func() bool { return decide(t, e, "search", "ann").Value })
	if _, err := New(Options{Sources: []Source{file, file}}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("the same source twice: %v", err)
	}
	if _, err := New(Options{}); err == nil {
		t.Error("no source is no error")
	}
}

func TestProviderThatPanics(t *testing.T) {
	t.Parallel()
	e := start(t, Options{Sources: []Source{Provider("bad", true, true, func() (openfeature.FeatureProvider, error) {
		return &table{name: "bad", find: func(string) (bool, bool, error) { panic("a bug") }}, nil
	})}})
	if a := decide(t, e, "tickets", "ann"); a.Value || a.Err != ErrGeneral {
		t.Errorf("%+v", a)
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	memory := new(Memory)
	memory.Set(map[string]bool{"tickets": true})
	e := start(t, Options{Sources: []Source{InMemory(memory)}, Entries: 100})
	capacity := e.Status().Cache.Capacity
	if capacity < 100 || capacity > 256 {
		t.Fatalf("capacity %d for 100", capacity)
	}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 5000 {
				if a := decide(t, e, "tickets", fmt.Sprint(worker, "-", i)); !a.Value {
					t.Errorf("%+v", a)
				}
				decide(t, e, "tickets", "regular") // must not be driven out by the crowd
			}
		})
	}
	all.Wait()
	status := e.Status().Cache
	if status.Entries > capacity || status.Evictions != status.Misses-uint64(status.Entries) {
		t.Errorf("%+v", status)
	}
	if regular := status.Misses - 20_000; regular > 200 {
		t.Errorf("the regular was driven out %d times", regular)
	}
}

func TestLongQuestion(t *testing.T) {
	t.Parallel()
	memory := new(Memory)
	memory.Set(map[string]bool{"tickets": true})
	e := start(t, Options{Sources: []Source{InMemory(memory)}})
	if a := decide(t, e, "tickets", strings.Repeat("k", maxQuery)); a.Value || a.Err != ErrInvalidContext || e.Status().Cache.Entries != 0 {
		t.Errorf("%+v, %+v", a, e.Status().Cache)
	}
}

func TestQuestionsAreToldApart(t *testing.T) {
	t.Parallel()
	c := newCache(64)
	questions := []Query{
		{Flag: "a", Key: "bc"}, {Flag: "ab", Key: "c"}, {Flag: "abc"},
		{Flag: "a", Key: "b", Attributes: []Attribute{{"c", ""}}}, {Flag: "a", Key: "b", Attributes: []Attribute{{"", "c"}}},
		{Flag: "a", Key: "b", Attributes: []Attribute{{"x", "1"}, {"y", "2"}}}, {Flag: "a", Key: "b", Attributes: []Attribute{{"y", "2"}, {"x", "1"}}},
	}
	for i := range questions {
		for range 2 {
			c.put(questions[i].hash(c.seed), &known{answer: c.book.keep(Answer{Variant: fmt.Sprint(i)})})
		}
	}
	for i := range questions {
		if k := c.get(questions[i].hash(c.seed)); k.answer.Variant != fmt.Sprint(i) {
			t.Errorf("%+v: %+v", questions[i], k.answer)
		}
	}
	if n := c.entries.Load(); n != int64(len(questions)) {
		t.Errorf("%d entries for %d questions", n, len(questions))
	}
}
