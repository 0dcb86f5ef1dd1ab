package caddymodule

import (
	"slices"
	"sync"
)

// stack knows which of several things is the newest that has not ended. The
// zero value is empty.
type stack[T comparable] struct {
	mu    sync.Mutex
	items []T
}

// push makes v the newest.
func (s *stack[T]) push(v T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = append(s.items, v)
}

// remove takes v out; what came before it may be the newest then.
func (s *stack[T]) remove(v T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = slices.DeleteFunc(s.items, func(other T) bool { return other == v })
}

// newest is the newest, false when there is none.
func (s *stack[T]) newest() (v T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.items) == 0 {
		return v, false
	}
	return s.items[len(s.items)-1], true
}
