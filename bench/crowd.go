package main

import (
	"fmt"
	"sync/atomic"
)

// crowd is many users who ask for many resources, and what is known of them:
// each one's visitor cookie, and the arm that answered each user on each
// resource. An arm is learned from the first answer and may never change.
type crowd struct {
	sticky  string
	paths   []string
	users   int
	cookies []string        // by user: name=value, once a proxy has set one, or of a session
	arms    []atomic.Uint32 // by user and path: an arm, 0 unknown
	// fresh counts the answers of each arm instead: every request is another
	// visitor's.
	fresh bool
	count [armService + 1]atomic.Int64
	// whole: all are on the service. Those who come with a session that is fresh,
	// too, have another one in each request.
	whole    bool
	sessions atomic.Int64
}

// The arms as crowd keeps them.
const (
	armUnknown uint32 = iota
	armMonolith
	armService
)

func newCrowd(w workload, users int, paths []string) *crowd {
	c := &crowd{
		sticky: w.sticky, fresh: w.fresh, whole: w.whole(), paths: paths, users: users,
		cookies: make([]string, users),
		arms:    make([]atomic.Uint32, users*len(paths)),
	}
	for i := range users {
		if c.whole {
			c.cookies[i] = sessionCookie(i)
		}
	}
	return c
}

// cookie is what a user sends.
func (c *crowd) cookie(user int) string {
	if c.whole && c.fresh {
		return sessionCookie(int(c.sessions.Add(1)) + c.users)
	}
	return c.cookies[user]
}

// visits is how many resources each user asks for.
const visits = 2

// at says who asks for what in the seq-th request: every user in turn, each time
// for another of their resources.
func (c *crowd) at(seq uint64) (user, path int) {
	user = int(seq % uint64(c.users))
	visit := seq / uint64(c.users) % visits
	return user, (user + int(visit)) % len(c.paths)
}

func armOf(name []byte) uint32 {
	switch string(name) {
	case "monolith":
		return armMonolith
	case "service":
		return armService
	default:
		return armUnknown
	}
}

// agree notes the arm that answered, and is an error when it is another one
// than before.
func (c *crowd) agree(user, path int, arm uint32) error {
	if c.whole && arm != armService {
		return fmt.Errorf("user %d was not answered by the service", user)
	}
	if c.fresh {
		c.count[arm].Add(1)
		return nil
	}
	place := &c.arms[user*len(c.paths)+path]
	if place.CompareAndSwap(armUnknown, arm) || place.Load() == arm {
		return nil
	}
	return fmt.Errorf("user %d changed the arm on %s", user, c.paths[path])
}

// share is how many of the pairs of user and resource seen so far are on the
// service; of fresh visitors each is one.
func (c *crowd) share() (service, seen int) {
	if c.fresh {
		service = int(c.count[armService].Load())
		return service, service + int(c.count[armMonolith].Load())
	}
	for i := range c.arms {
		switch c.arms[i].Load() {
		case armService:
			service++
			seen++
		case armMonolith:
			seen++
		}
	}
	return service, seen
}
