package pickle

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// keys knows which values a dict or a set has, as Python's equality has it:
// True, 1 and 1.0 are one key.
type keys struct {
	order []any
	at    map[any]int // nil while there are few
}

const fewKeys = 12

// find answers the place of a key; a new one gets the next.
func (k *keys) find(m *machine, value any) (int, error) {
	key, err := m.key(value, 0)
	if err != nil {
		return 0, err
	}
	if k.at == nil {
		if at := slices.Index(k.order, key); at >= 0 {
			return at, nil
		}
	} else if at, ok := k.at[key]; ok {
		return at, nil
	}
	k.order = append(k.order, key)
	switch {
	case k.at != nil:
		k.at[key] = len(k.order) - 1
	case len(k.order) > fewKeys:
		k.at = make(map[any]int, 2*len(k.order))
		for i, key := range k.order {
			k.at[key] = i
		}
	}
	return len(k.order) - 1, nil
}

// compound is the key of what is no text and no small number.
type compound string

// key answers a comparable value, the same for two values exactly when Python
// finds them equal. What has a state that changes has none.
func (m *machine) key(value any, depth int) (any, error) {
	if err := m.count(1); err != nil {
		return nil, err
	}
	switch v := value.(type) {
	case nil, string, int64:
		return v, nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		return floatKey(v), nil
	case *big.Int:
		return compound("i" + v.Text(16)), nil
	case []byte:
		return compound("b" + string(v)), nil
	case global:
		return compound("g" + v.module + " " + v.name), nil
	case *tuple:
		return m.keyOf("t", v.items, depth)
	case *set:
		if v.frozen {
			return m.keyOf("f", v.items, depth)
		}
	case *object:
		return v.key()
	case Opaque:
		return &struct{ _ byte }{}, nil // equal to nothing
	}
	return nil, fmt.Errorf("%w: a key whose value changes", ErrMalformed)
}

// floatKey makes a whole float the integer that equals it.
func floatKey(f float64) any {
	switch {
	case math.IsNaN(f):
		return &struct{ _ byte }{} // equal to nothing
	case f != math.Trunc(f) || math.IsInf(f, 0):
		return f
	}
	n, _ := big.NewFloat(f).Int(nil)
	if n.IsInt64() {
		return n.Int64()
	}
	return compound("i" + n.Text(16))
}

// keyOf joins the keys of a tuple, or of a frozenset, where the order is none.
func (m *machine) keyOf(kind string, items []any, depth int) (any, error) {
	if depth >= maxDepth {
		return nil, fmt.Errorf("%w: a key deeper than %d", ErrLimit, maxDepth)
	}
	parts := make([]string, len(items))
	for i, item := range items {
		key, err := m.key(item, depth+1)
		if err != nil {
			return nil, err
		}
		part := fmt.Sprintf("%T %v", key, key)
		if pointer, ok := key.(*struct{ _ byte }); ok {
			part = fmt.Sprintf("%p", pointer)
		}
		parts[i] = strconv.Itoa(len(part)) + ":" + part
		if err := m.count(len(part) / 64); err != nil {
			return nil, err
		}
	}
	if kind == "f" {
		slices.Sort(parts)
	}
	return compound(kind + strings.Join(parts, "")), nil
}
