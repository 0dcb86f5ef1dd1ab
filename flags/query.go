package flags

import (
	"hash/maphash"
	"slices"
	"strings"

	"github.com/open-feature/go-sdk/openfeature"
)

// maxQuery bounds a question: the bytes of its flag, key and attributes. What is
// longer is no user's, and would make the cache's bound meaningless.
const maxQuery = 2048

// Query is one question.
type Query struct {
	// Flag is the flag's key. It is kept as it is: pass the configuration's own
	// text, not a part of a request.
	Flag string
	// Key is the targeting key, the request's sticky key; may be empty.
	Key string
	// Attributes are what the provider may know beside the key, always in the
	// same order for the same route. Decide keeps no reference to them.
	Attributes []Attribute
}

// Attribute is one value of the evaluation context. A dot in the name makes an
// object, as JsonLogic's "var" reads it: "headers.x-beta" is
// {"headers": {"x-beta": …}}.
type Attribute struct{ Name, Value string }

func (q *Query) size() int {
	n := len(q.Flag) + len(q.Key)
	for i := range q.Attributes {
		n += len(q.Attributes[i].Name) + len(q.Attributes[i].Value)
	}
	return n
}

// hash is not of a cryptographic kind, but its seed is the process's secret, so
// no client can aim at a place in the cache.
func (q *Query) hash(seed maphash.Seed) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2⁶⁴ by the golden ratio, as in Fibonacci hashing
	h := maphash.String(seed, q.Flag)*odd ^ maphash.String(seed, q.Key)
	for i := range q.Attributes {
		h = h*odd ^ maphash.String(seed, q.Attributes[i].Name)
		h = h*odd ^ maphash.String(seed, q.Attributes[i].Value)
	}
	return h
}

func (q *Query) equal(other *Query) bool {
	return q.Key == other.Key && q.Flag == other.Flag && slices.Equal(q.Attributes, other.Attributes)
}

// clone keeps nothing of the request's memory alive: a header's value is a part
// of a much larger buffer. The flag's key stays one text for all users, so that
// it is compared by its address.
func (q *Query) clone() Query {
	c := Query{Flag: q.Flag, Key: strings.Clone(q.Key)}
	if len(q.Attributes) > 0 {
		c.Attributes = make([]Attribute, len(q.Attributes))
	}
	for i, a := range q.Attributes {
		c.Attributes[i] = Attribute{Name: strings.Clone(a.Name), Value: strings.Clone(a.Value)}
	}
	return c
}

// context is the question as OpenFeature's evaluation context.
func (q *Query) context() openfeature.EvaluationContext {
	if len(q.Attributes) == 0 {
		return openfeature.NewEvaluationContext(q.Key, nil)
	}
	all := make(map[string]any, len(q.Attributes))
	for _, a := range q.Attributes {
		group, name, nested := strings.Cut(a.Name, ".")
		if !nested {
			all[a.Name] = a.Value
			continue
		}
		object, ok := all[group].(map[string]any)
		if !ok {
			object = map[string]any{}
			all[group] = object
		}
		object[name] = a.Value
	}
	return openfeature.NewEvaluationContext(q.Key, all)
}
