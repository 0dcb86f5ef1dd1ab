package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"time"
)

const (
	// users ask the FAQ, each with cookies of its own, so each is somebody.
	users = 20
	// round is how often each of them asks.
	round = time.Second
	// patience is how long one answer may take.
	patience = 10 * time.Second
)

// user is one person's browser.
type user struct {
	client   *http.Client
	question string
}

// newUsers makes n users, of whom the nth asks for the address that question
// says.
func newUsers(n int, question func(n int) string) ([]user, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: users}
	made := make([]user, n)
	for i := range made {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return nil, err
		}
		made[i] = user{
			client:   &http.Client{Jar: jar, Transport: transport, Timeout: patience},
			question: question(i),
		}
	}
	return made, nil
}

// ask returns who answered, as the answer's X-Served-By says.
func (u user) ask(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.question, nil)
	if err != nil {
		return "", err
	}
	response, err := u.client.Do(request)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return response.Header.Get("X-Served-By"), errors.Join(err, response.Body.Close())
}

// seen is what the users saw in one round.
type seen struct {
	monolith, service, failed int
}

func (s seen) String() string {
	text := fmt.Sprintf("%2d users on the monolith, %2d on the service", s.monolith, s.service)
	if s.failed > 0 {
		text += fmt.Sprintf(", %d without an answer", s.failed)
	}
	return text
}

// askAll lets all users ask at the same time.
func askAll(ctx context.Context, all []user) (seen, error) {
	type answer struct {
		by  string
		err error
	}
	answers := make(chan answer)
	for _, u := range all {
		go func() {
			by, err := u.ask(ctx)
			answers <- answer{by, err}
		}()
	}
	var now seen
	var last error
	for range all {
		switch a := <-answers; {
		case a.err != nil:
			now.failed++
			last = a.err
		case a.by == "monolith":
			now.monolith++
		default:
			now.service++
		}
	}
	return now, last
}

// say prints a line with the time. Lines do not mix.
func (s *stack) say(line string) {
	fmt.Fprintf(s.out, "%s  %s\n", time.Now().Format(time.TimeOnly), line)
}

// watch lets the users ask, and tells when what they see changes, until ctx
// ends or a part of the stack does.
func (s *stack) watch(ctx context.Context) error {
	all, err := newUsers(users, func(n int) string { return fmt.Sprintf("http://%s/v1/faq/%d", s.addresses.Proxy, n%7+1) })
	if err != nil {
		return err
	}
	looking, err := newTraffic(s.addresses.Proxy, s.traffic)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer looking.start(ctx, s.say)()
	defer cancel()
	tick := time.NewTicker(round)
	defer tick.Stop()
	before := seen{failed: -1}
	for {
		now, err := askAll(ctx, all)
		if ctx.Err() != nil {
			return nil
		}
		if now != before {
			line := "faq: " + now.String()
			if err != nil {
				line += " (" + err.Error() + ")"
			}
			s.say(line)
			before = now
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.ended:
			// The proxy can do without a service, which is worth seeing.
			var ended *endedError
			if !errors.As(err, &ended) || ended.part != "faq" && ended.part != "tickets" {
				return err
			}
			s.say(ended.Error())
		case <-tick.C:
		}
	}
}
