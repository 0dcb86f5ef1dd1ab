// Package questions is the FAQ: its table and its JSON contract, in Go.
//
// The contract is the monolith's (examples/helpdesk/monolith/faq/api.py) and a
// test holds the two to each other:
//
//	GET  /v1/faq/      {"faq": [{"id", "question", "answer", "source"}, …]}
//	GET  /v1/faq/{id}  one of them; 404 {"errors": {"id": […]}}
//	POST /v1/create/   {"question", "source"} → 201, Location
//	POST /v2/create/   the same and "related": [ids]; v1 stays valid
//
// A refused question is 400 {"errors": {field: [text]}}.
package questions

import "errors"

// ErrNotFound says that there is no question of that id.
var ErrNotFound = errors.New("there is no such question")

// Question is one entry of the FAQ as version 1 of the contract has it.
type Question struct {
	ID       int64  `json:"id"`
	Question string `json:"question"`
	Answer   string `json:"answer"`
	Source   string `json:"source"`
	// Survey says that the reader is to be asked whether the answer helped; left out
	// without Options.Survey.
	Survey *bool `json:"survey,omitempty"`
}

// Draft is a question to be added.
type Draft struct {
	Question, Source string
	// Answer is empty in both versions: an agent writes it later.
	Answer string
	// Related are the ids of other questions; none in version 1.
	Related []int64
}
