package flags

import (
	"time"

	"github.com/open-feature/go-sdk/openfeature"
)

// Answer is what is known of a flag for one targeting key.
type Answer struct {
	// Value is the flag's; false, the monolith, whenever Err is not empty.
	Value bool
	// Variant is the provider's name for the value; may be empty.
	Variant string
	// Reason is OpenFeature's word for why, such as TARGETING_MATCH, SPLIT,
	// STATIC, DEFAULT or DISABLED; ERROR whenever Err is not empty.
	Reason string
	// Source names the source that answered; empty when none did.
	Source string
	// Err says why there is no value; empty when there is one.
	Err ErrorKind
	// Stale is true for a last known value, which the source could not confirm
	// since Age.
	Stale bool
	Age   time.Duration
}

// ErrorKind says why a flag has no value. The words in capitals are
// OpenFeature's error codes
// (https://openfeature.dev/specification/types#error-code), the others ours.
type ErrorKind string

// The kinds. A flag that is missing or no boolean is the flag's fault, and an
// answer; the others mean that nobody could answer.
const (
	ErrFlagNotFound        ErrorKind = "FLAG_NOT_FOUND"        // no source has the flag
	ErrTypeMismatch        ErrorKind = "TYPE_MISMATCH"         // the flag is no boolean
	ErrTargetingKeyMissing ErrorKind = "TARGETING_KEY_MISSING" // the rule needs a key
	ErrInvalidContext      ErrorKind = "INVALID_CONTEXT"       // the provider refuses the context, or it is too long
	ErrParse               ErrorKind = "PARSE_ERROR"           // the rule or the answer cannot be read
	ErrNotReady            ErrorKind = "PROVIDER_NOT_READY"    // the provider has not started yet
	ErrFatal               ErrorKind = "PROVIDER_FATAL"        // the provider has given up
	ErrGeneral             ErrorKind = "GENERAL"               // anything else, such as no connection
	ErrTimeout             ErrorKind = "timeout"               // no answer within Options.Wait
	ErrBusy                ErrorKind = "busy"                  // too many evaluations are under way
	ErrTooOld              ErrorKind = "too_old"               // the last known value is older than Options.MaxAge
)

// errorKinds are all kinds, for counting.
var errorKinds = [...]ErrorKind{
	ErrFlagNotFound, ErrTypeMismatch, ErrTargetingKeyMissing, ErrInvalidContext, ErrParse,
	ErrNotReady, ErrFatal, ErrGeneral, ErrTimeout, ErrBusy, ErrTooOld,
}

// reasons are OpenFeature's, for counting; any other reason counts as the last.
var reasons = [...]openfeature.Reason{
	openfeature.TargetingMatchReason, openfeature.SplitReason, openfeature.StaticReason,
	openfeature.DefaultReason, openfeature.DisabledReason, openfeature.CachedReason, openfeature.UnknownReason,
}

// settled reports whether an error says something of the flag or the question,
// not of the provider: asking again soon, or what was known before, would not
// help.
func (k ErrorKind) settled() bool {
	switch k {
	case ErrFlagNotFound, ErrTypeMismatch, ErrTargetingKeyMissing, ErrInvalidContext:
		return true
	default:
		return false
	}
}

// forAll reports whether an answer without a key and attributes is everybody's.
func (a *Answer) forAll() bool {
	switch a.Err {
	case "":
		return a.Reason == string(openfeature.StaticReason) || a.Reason == string(openfeature.DisabledReason)
	case ErrFlagNotFound, ErrTypeMismatch:
		return true
	default:
		return false
	}
}

// kindOf translates OpenFeature's error codes.
func kindOf(code openfeature.ErrorCode) ErrorKind {
	kind := ErrorKind(code)
	for _, known := range errorKinds {
		if kind == known {
			return kind
		}
	}
	return ErrGeneral
}

func failed(kind ErrorKind) Answer {
	return Answer{Reason: string(openfeature.ErrorReason), Err: kind}
}

// outcome is the place of an answer in the counts: a reason, or an error kind
// after them.
func (a *Answer) outcome() int {
	if a.Err == "" {
		for i, reason := range reasons {
			if a.Reason == string(reason) {
				return i
			}
		}
		return len(reasons) - 1
	}
	for i, kind := range errorKinds {
		if a.Err == kind {
			return len(reasons) + i
		}
	}
	return len(reasons) + len(errorKinds) - 1
}
