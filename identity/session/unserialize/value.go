package unserialize

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/strangler-proxy/strangler/identity/session"
)

// Object stands for an object, which is never made.
type Object struct{}

// Key is an array's key: an integer, or a text that is no integer in decimal.
type Key struct {
	Text   string
	Number int64
	IsText bool
}

// KeyOf makes the key that PHP makes of a text: "5" is the number.
func KeyOf(text string) Key {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return Key{Number: n}
	}
	return Key{Text: text, IsText: true}
}

// String answers the key as a text.
func (k Key) String() string {
	if k.IsText {
		return k.Text
	}
	return strconv.FormatInt(k.Number, 10)
}

// Array is PHP's array: a map that keeps its order. Safe for concurrent readers.
type Array struct {
	items []item
	index map[Key]int // nil while there are few
	most  int64       // the largest number that is a key
}

type item struct {
	key  Key
	cell cell
}

// few is how many keys are looked through one by one.
const few = 12

// place answers the cell of a key: a new one, or the old one emptied.
func (a *Array) place(key Key) *cell {
	isNew := !key.IsText && (len(a.items) == 0 || key.Number > a.most)
	if !isNew {
		if at := a.find(key, true); at >= 0 {
			a.items[at].cell = cell{}
			return &a.items[at].cell
		}
	}
	if !key.IsText && (isNew || key.Number > a.most) {
		a.most = key.Number
	}
	if a.index != nil {
		a.index[key] = len(a.items)
	}
	a.items = append(a.items, item{key: key})
	return &a.items[len(a.items)-1].cell
}

// find answers where a key is, or -1. While an array is built, an index is made
// when it pays.
func (a *Array) find(key Key, building bool) int {
	if a.index == nil && building && len(a.items) > few {
		a.index = make(map[Key]int, cap(a.items))
		for at := range a.items {
			a.index[a.items[at].key] = at
		}
	}
	if a.index != nil {
		if at, ok := a.index[key]; ok {
			return at
		}
		return -1
	}
	for at := range a.items {
		if a.items[at].key == key {
			return at
		}
	}
	return -1
}

// Set puts a value under a key. The array must be the caller's own.
func (a *Array) Set(key Key, value any) { a.place(key).value = value }

// Len is the number of items.
func (a *Array) Len() int { return len(a.items) }

// Get answers the value under a key that is written as a text.
func (a *Array) Get(key string) (value any, ok bool) {
	at := a.find(KeyOf(key), false)
	if at < 0 {
		return nil, false
	}
	return a.items[at].cell.get(), true
}

// All answers the items in their order.
func (a *Array) All() iter.Seq2[Key, any] {
	return func(yield func(Key, any) bool) {
		for i := range a.items {
			if !yield(a.items[i].key, a.items[i].cell.get()) {
				return
			}
		}
	}
}

// Lookup follows a path of keys through arrays. Where it leads into an object,
// it answers that.
func Lookup(value any, path session.Path) (found any, ok bool) {
	for _, key := range path {
		switch v := value.(type) {
		case *Array:
			if value, ok = v.Get(key); !ok {
				return nil, false
			}
		case Object:
			return v, true
		default:
			return nil, false
		}
	}
	return value, true
}

// Carried answers the values under paths by [Plain], named by the path; what is
// missing or has no such form is left out.
func Carried(value any, paths []session.Path) map[string]any {
	var out map[string]any
	for _, path := range paths {
		found, ok := Lookup(value, path)
		if !ok {
			continue
		}
		if found, ok = Plain(found); ok {
			if out == nil {
				out = make(map[string]any, len(paths))
			}
			out[path.String()] = found
		}
	}
	return out
}

// maxPlain is how many values Plain makes at most.
const maxPlain = 1000

// Plain makes a value one that marshals to JSON, as json_encode would: an array
// whose keys are 0, 1, 2 … is a list. Texts are copied. ok is false for what has
// no such form: an object, a text that is no UTF-8, no finite number, too much.
func Plain(value any) (out any, ok bool) {
	budget := maxPlain
	return plain(value, &budget, 0)
}

func plain(value any, budget *int, depth int) (any, bool) {
	if *budget--; *budget < 0 || depth > maxDepth {
		return nil, false
	}
	switch v := value.(type) {
	case Object:
		return nil, false
	case string:
		return strings.Clone(v), utf8.ValidString(v)
	case float64:
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	case *Array:
		return v.plain(budget, depth)
	}
	return value, true
}

func (a *Array) plain(budget *int, depth int) (any, bool) {
	list := make([]any, 0, min(len(a.items), maxPlain))
	object := make(map[string]any, cap(list))
	isList := true
	for key, item := range a.All() {
		value, ok := plain(item, budget, depth+1)
		if !ok {
			return nil, false
		}
		isList = isList && key == Key{Number: int64(len(list))}
		list = append(list, value)
		object[strings.Clone(key.String())] = value
	}
	if isList {
		return list, true
	}
	return object, true
}
