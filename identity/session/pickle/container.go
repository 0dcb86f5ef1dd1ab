package pickle

import "fmt"

// The containers while they are built. They are pointers, because the memo may
// hold one that is still growing.
type (
	list  struct{ items []any }
	tuple struct{ items []any }
	set   struct {
		items  []any
		frozen bool
		index  keys
	}
	dict struct {
		items []Item
		index keys
	}
)

func (m *machine) container(op byte) (any, error) {
	switch op {
	case opEmptyList:
		return &list{}, nil
	case opEmptyDict:
		return &dict{}, nil
	case opEmptySet:
		return &set{}, nil
	case opEmptyTuple:
		return &tuple{}, nil
	case opTuple1, opTuple2, opTuple3:
		values, err := m.take(int(op-opTuple1) + 1)
		return &tuple{items: append([]any(nil), values...)}, err
	}
	values, err := m.takeMarked()
	if err != nil {
		return nil, err
	}
	switch op {
	case opList:
		return &list{items: append([]any(nil), values...)}, nil
	case opTuple:
		return &tuple{items: append([]any(nil), values...)}, nil
	case opFrozenset:
		s := &set{frozen: true}
		return s, s.add(m, values)
	}
	d := &dict{}
	return d, d.set(m, values)
}

// extend puts values into the object below them.
func (m *machine) extend(op byte) error {
	var values []any
	var err error
	switch op {
	case opAppend, opBuild:
		values, err = m.take(1)
	case opSetitem:
		values, err = m.take(2)
	default:
		values, err = m.takeMarked()
	}
	if err != nil {
		return err
	}
	top, err := m.top()
	if err != nil || len(values) == 0 {
		return err // nothing fits any value
	}
	return m.into(op, top, values)
}

func (m *machine) into(op byte, target any, values []any) error {
	switch target := target.(type) {
	case *list:
		if op == opAppend || op == opAppends {
			target.items = append(target.items, values...)
			return nil
		}
	case *dict:
		if op == opSetitem || op == opSetitems {
			return target.set(m, values)
		}
	case *set:
		if op == opAdditems && !target.frozen {
			return target.add(m, values)
		}
	case *object:
		if op == opBuild && target.class == classUUID {
			target.build(values[0])
			return nil
		}
		if target.class == classOpaque {
			return nil // what is inside a strange object is of no use
		}
	}
	return fmt.Errorf("%w: opcode %#02x on a value it does not fit", ErrMalformed, op)
}

func (d *dict) set(m *machine, values []any) error {
	if len(values)%2 != 0 {
		return fmt.Errorf("%w: a key without a value", ErrMalformed)
	}
	for i := 0; i < len(values); i += 2 {
		at, err := d.index.find(m, values[i])
		if err != nil {
			return err
		}
		if at < len(d.items) {
			d.items[at].Value = values[i+1] // the first key stays, as in Python
			continue
		}
		d.items = append(d.items, Item{values[i], values[i+1]})
	}
	return nil
}

func (s *set) add(m *machine, values []any) error {
	for _, value := range values {
		at, err := s.index.find(m, value)
		if err != nil {
			return err
		}
		if at == len(s.items) {
			s.items = append(s.items, value)
		}
	}
	return nil
}
