package flags

import (
	"hash/maphash"
	"math/bits"
	"strings"

	"github.com/open-feature/go-sdk/openfeature"
)

// maxQuery bounds a question: the bytes of its flag, key and attributes. What is
// longer is no user's, and would make the cache's bound meaningless.
const maxQuery = 2048

// Query is one question.
type Query struct {
	// Flag is the flag's key.
	Flag string
	// Key is the targeting key, the request's sticky key; may be empty.
	Key string
	// Attributes are what the provider may know beside the key, always in the
	// same order for the same route. Decide keeps no reference to any of it.
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

// hash is all that the cache keeps of a question. It is not of a cryptographic
// kind, but its seed is the process's secret, so no client can aim at a place in
// the cache or at another's question. It is never 0.
func (q *Query) hash(seed maphash.Seed) uint64 {
	h := fold(maphash.String(seed, q.Flag), maphash.String(seed, q.Key))
	for i := range q.Attributes {
		h = fold(h, maphash.String(seed, q.Attributes[i].Name))
		h = fold(h, maphash.String(seed, q.Attributes[i].Value))
	}
	return max(h, 1)
}

// fold joins a hash to those before it, so that their order counts.
func fold(h, next uint64) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2⁶⁴ by the golden ratio, as in Fibonacci hashing
	high, low := bits.Mul64(h^odd, bits.RotateLeft64(next, 32)^h)
	return high ^ low
}

// clone keeps nothing of the request's memory alive: a header's value is a part
// of a much larger buffer.
func (q *Query) clone() Query {
	c := Query{Flag: strings.Clone(q.Flag), Key: strings.Clone(q.Key)}
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
		object, name := all, a.Name
		for {
			group, rest, nested := strings.Cut(name, ".")
			if !nested {
				break
			}
			inner, ok := object[group].(map[string]any)
			if !ok {
				inner = map[string]any{}
				object[group] = inner
			}
			object, name = inner, rest
		}
		object[name] = a.Value
	}
	return openfeature.NewEvaluationContext(q.Key, all)
}
