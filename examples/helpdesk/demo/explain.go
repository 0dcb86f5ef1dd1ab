package main

import (
	"fmt"

	"github.com/strangler-proxy/strangler/examples/helpdesk"
)

// explain says what runs and what to try.
func (s *stack) explain() {
	a := s.addresses
	monolith := "the monolith (Django), directly"
	if s.standin {
		monolith = "the monolith (stand-in), directly"
	}
	// Commands find the default admin address by themselves.
	address := ""
	if a.Admin != helpdesk.DefaultAddresses().Admin {
		address = " --address " + a.Admin
	}
	fmt.Fprintf(s.out, `
  the helpdesk, through Strangler    http://%s/   (sign in as anna, bao or chloe: helpdesk)
  %-33s  http://%s/
  the faq service, directly          http://%s/v1/faq/
  files, state and logs              %s/

Three commands to try, in another terminal and in this folder:

  %[6]s rollout set faq-read 25 --reason "first users"%[7]s
  %[6]s rollout hold faq-read --reason "looks odd"%[7]s
  %[6]s routes explain GET http://%[1]s/v1/faq/1%[7]s

Then release it (%[6]s rollout release faq-read%[7]s), or edit
%[5]s/routes.yaml and save: it is live at once, and a typo is refused with its
line (%[6]s rollout status%[7]s). Or take the service away: kill %[9]d

Ctrl-C stops everything. %[8]d users ask the FAQ now, once a second; a line for every change of what they see:

`, a.Proxy, monolith, a.Monolith, a.FAQ, relative(s.dir), s.strangler, address, users, s.faq)
}
