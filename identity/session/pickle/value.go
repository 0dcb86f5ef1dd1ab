package pickle

import "time"

// Dict is a dict, in the order of insertion, or an OrderedDict.
type Dict []Item

// Item is one entry of a [Dict].
type Item struct{ Key, Value any }

// Get answers the value under a key that is a string.
func (d Dict) Get(key string) (value any, ok bool) {
	for _, item := range d {
		if item.Key == any(key) {
			return item.Value, true
		}
	}
	return nil, false
}

// Tuple is a tuple.
type Tuple []any

// Set is a set or a frozenset, in the order of insertion.
type Set []any

// DateTime is a datetime.datetime. A naive one has no zone of its own and
// stands here as if it were UTC.
type DateTime struct {
	time.Time
	Naive bool
}

// Date is a datetime.date, as in 2006-01-02.
type Date string

// Clock is a datetime.time without a zone, as in 15:04:05.000000.
type Clock string

// Decimal is the text of a decimal.Decimal.
type Decimal string

// UUID is the text of an uuid.UUID, with hyphens.
type UUID string

// Opaque stands for a value that is never made: an object of a class that is
// no plain data, or a text that is none (with half a surrogate pair).
type Opaque struct{}
