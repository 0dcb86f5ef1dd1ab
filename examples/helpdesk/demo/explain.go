package main

import (
	"fmt"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
)

// explain says what runs and what to try.
func (s *stack) explain() {
	s.explainParts()
	a := s.addresses
	// Commands find the default admin address by themselves.
	address := ""
	if a.Admin != helpdesk.DefaultAddresses().Admin {
		address = " --address " + a.Admin
	}
	fmt.Fprintf(s.out, `
Three commands to try, in another terminal and in this folder:

  %[1]s rollout start tickets --wait%[2]s
  curl -X POST 'http://%[3]s/_demo/slow?ms=800'
  %[1]s rollout history tickets%[2]s

The first lets tickets go to its service by itself: 1, 5, 25, 50, 100 %%, in a minute
or two. The second makes the service slow, best while it has 25 %%: a guard takes
everybody back and holds the route, a webhook tells it here, and the third has the
story. Then make the service quick again, and let the rollout go on:

  curl -X POST 'http://%[3]s/_demo/slow?ms=0'
  %[1]s rollout release tickets --reason "quick again"%[2]s

The faq service is a first build. Before anybody gets its answers, they are compared
with the monolith's. This says what differs: an id that became a string; a source
that is lost; and a survey, which is known for noise, since the monolith itself shows
it to one reader in thirty, whoever that is:

  %[1]s shadow report --route faq-read%[2]s

Mend it: the next build's evidence begins anew, and in a minute the gate is met: 300
comparisons, and 1,000 pairs, which it takes to tell the survey from a mistake.

  curl -X POST 'http://%[9]s/_demo/mend'

Who am I? Open http://%[4]s/v1/me/ in a browser: it sends you to the monolith's login page
and back, and the tickets service says who you are by a token, without a login of its own.
The keys that it verifies the token by:

  curl http://%[4]s/.well-known/jwks.json

By hand, on that route; what the users see of it stands below:

  %[1]s rollout set faq-read 25 --reason "first users"%[2]s
  %[1]s rollout hold faq-read --reason "looks odd"%[2]s
  %[1]s routes explain GET http://%[4]s/v1/faq/1%[2]s

Or edit %[5]s/routes.yaml and save: it is live at once, and a typo is refused
with its line (%[1]s rollout status%[2]s). Or take the faq service away: kill %[6]d

Ctrl-C stops everything. %[7]d users ask the FAQ once a second, and %[8]d times a second
somebody looks at the tickets; a line for every change of what they see:

`, s.strangler, address, a.Tickets, a.Proxy, relative(s.dir), s.faq, users, s.traffic, a.FAQ)
}

// explainParts says what runs.
func (s *stack) explainParts() {
	a := s.addresses
	monolith := "the monolith (Django), directly"
	if s.standin {
		monolith = "the monolith (stand-in), directly"
	}
	fmt.Fprintf(s.out, `
  the helpdesk, through Strangler    http://%s/   (sign in as anna, bao or chloe: helpdesk)
  %-33s  http://%s/
  the faq service, directly          http://%s/v1/faq/
  the tickets service, directly      http://%s/v1/tickets/
  files, state and logs              %s/
`, a.Proxy, monolith, a.Monolith, a.FAQ, a.Tickets, relative(s.dir))
}
