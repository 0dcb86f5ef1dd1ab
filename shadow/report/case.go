package report

// CaseVersion is that of a case's JSON.
const CaseVersion = 1

// A Case is one signature made portable: what to ask a service, what the monolith
// answers, and what is excused. It holds nothing that a [Sample] does not, so it
// may leave the house, and asking needs no access to production.
type Case struct {
	Version   int    `json:"version"`
	Route     string `json:"route"`
	Signature string `json:"signature"`
	// Method and Target are the request line; what stands in braces is to be
	// filled in.
	Method string   `json:"method"`
	Target string   `json:"target"`
	Header []Header `json:"header,omitempty"`
	// Body says what the request's body was; it must be given.
	Body Body `json:"body,omitzero"`
	// Status, Type and Expected are the monolith's answer: Expected is JSON with
	// "<string>", "<number>" and "<bool>" for values that may not be shown, empty
	// when the answer was none or its structure is not known.
	Status   int    `json:"status"`
	Type     string `json:"type,omitempty"`
	Expected string `json:"expected,omitempty"`
	// Parts are the differences that were seen.
	Parts []Part `json:"parts"`
	Rules []Rule `json:"rules"`
}
