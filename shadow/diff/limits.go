package diff

import "errors"

// Limits bound what one comparison may cost. A zero field has the default.
type Limits struct {
	Bytes       int // of one body, decoded; default 4 MiB
	Ratio       int // of decoded to encoded bytes, beyond the first 64 KiB; default 256
	Depth       int // of nesting; default 200
	Nodes       int // values in one body; default 250,000
	Work        int // nodes visited and rules tried; default 4,000,000
	Differences int // kept in a Result; default 100
	Value       int // bytes of a value that a Difference shows; default 200
}

func (l Limits) withDefaults() Limits {
	set := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&l.Bytes, 4<<20)
	set(&l.Ratio, 256)
	set(&l.Depth, 200)
	set(&l.Nodes, 250_000)
	set(&l.Work, 4_000_000)
	set(&l.Differences, 100)
	set(&l.Value, 200)
	return l
}

// A Reason says why two bodies were not compared whole.
type Reason string

// The reasons.
const (
	Truncated    Reason = "truncated"      // a body was cut off when it was captured
	TooLarge     Reason = "too_large"      // more bytes than Limits.Bytes
	TooDense     Reason = "too_dense"      // a compressed body grew by more than Limits.Ratio
	TooDeep      Reason = "too_deep"       // nested deeper than Limits.Depth
	TooManyNodes Reason = "too_many_nodes" // more values than Limits.Nodes
	TooMuchWork  Reason = "too_much_work"  // Limits.Work was spent
	ParserFailed Reason = "parser_failed"  // a parser panicked: a defect, please report it
)

// A limitError ends a comparison.
type limitError struct{ reason Reason }

func (e *limitError) Error() string { return string(e.reason) }

var (
	errTruncated    = &limitError{Truncated}
	errTooLarge     = &limitError{TooLarge}
	errTooDense     = &limitError{TooDense}
	errTooDeep      = &limitError{TooDeep}
	errTooManyNodes = &limitError{TooManyNodes}
	errTooMuchWork  = &limitError{TooMuchWork}
	errParserFailed = &limitError{ParserFailed}
)

// errMalformed says that a body is not what its headers say. It ends no
// comparison: two malformed bodies are compared as bytes.
var errMalformed = errors.New("malformed")

// isLimit tells a limit from a malformed body.
func isLimit(err error) bool {
	var limit *limitError
	return errors.As(err, &limit)
}

func reasonOf(err error) Reason {
	var limit *limitError
	if errors.As(err, &limit) {
		return limit.reason
	}
	return ParserFailed
}
