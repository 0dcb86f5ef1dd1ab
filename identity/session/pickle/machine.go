package pickle

import (
	"bytes"
	"fmt"
)

// The opcodes, by pickletools' names.
const (
	opMark           = '('
	opStop           = '.'
	opBinfloat       = 'G'
	opFloat          = 'F'
	opInt            = 'I'
	opBinint         = 'J'
	opBinint1        = 'K'
	opLong           = 'L'
	opBinint2        = 'M'
	opNone           = 'N'
	opReduce         = 'R'
	opUnicode        = 'V'
	opBinunicode     = 'X'
	opAppend         = 'a'
	opBuild          = 'b'
	opGlobal         = 'c'
	opDict           = 'd'
	opAppends        = 'e'
	opGet            = 'g'
	opBinget         = 'h'
	opLongBinget     = 'j'
	opList           = 'l'
	opPut            = 'p'
	opBinput         = 'q'
	opLongBinput     = 'r'
	opSetitem        = 's'
	opTuple          = 't'
	opSetitems       = 'u'
	opEmptyDict      = '}'
	opEmptyList      = ']'
	opEmptyTuple     = ')'
	opBinbytes       = 'B'
	opShortBinbytes  = 'C'
	opProto          = 0x80
	opNewobj         = 0x81
	opTuple1         = 0x85
	opTuple2         = 0x86
	opTuple3         = 0x87
	opNewtrue        = 0x88
	opNewfalse       = 0x89
	opLong1          = 0x8a
	opLong4          = 0x8b
	opShortBinunicod = 0x8c
	opEmptySet       = 0x8f
	opAdditems       = 0x90
	opFrozenset      = 0x91
	opNewobjEx       = 0x92
	opStackGlobal    = 0x93
	opMemoize        = 0x94
	opFrame          = 0x95
	opBytearray8     = 0x96
)

// machine is CPython's stack machine, without what it can call.
type machine struct {
	data  []byte
	at    int
	stack []any
	marks []int // the stack's height at each mark
	memo  []any // unset entries are absent{}
	saved int   // entries of memo that are set
	items int   // what was pushed, and compared as a key
}

// absent is an entry of the memo that nothing was put into.
type absent struct{}

func (m *machine) run() (any, error) {
	for {
		op, err := m.byte()
		if err != nil {
			return nil, err
		}
		if op == opStop {
			return m.end()
		}
		if err := m.step(op); err != nil {
			return nil, err
		}
	}
}

func (m *machine) end() (any, error) {
	if m.at != len(m.data) {
		return nil, fmt.Errorf("%w: bytes after the end", ErrMalformed)
	}
	return m.pop()
}

func (m *machine) step(op byte) error {
	switch op {
	case opProto:
		return m.proto()
	case opFrame:
		return m.frame()
	case opMark:
		m.marks = append(m.marks, len(m.stack))
		return m.count(1)
	case opMemoize, opPut, opBinput, opLongBinput:
		return m.put(op)
	case opGet, opBinget, opLongBinget:
		return m.get(op)
	case opAppend, opAppends, opSetitem, opSetitems, opAdditems, opBuild:
		return m.extend(op)
	}
	value, err := m.make(op)
	if err != nil {
		return err
	}
	return m.push(value)
}

// make answers the value that an opcode puts on the stack.
func (m *machine) make(op byte) (any, error) {
	switch op {
	case opNone:
		return nil, nil //nolint:nilnil // None is a value
	case opNewtrue:
		return true, nil
	case opNewfalse:
		return false, nil
	case opInt, opBinint, opBinint1, opBinint2, opLong, opLong1, opLong4, opFloat, opBinfloat:
		return m.number(op)
	case opUnicode, opBinunicode, opShortBinunicod:
		return m.text(op)
	case opBinbytes, opShortBinbytes, opBytearray8:
		return m.bytes(op)
	case opEmptyDict, opEmptyList, opEmptyTuple, opEmptySet, opDict, opList, opTuple, opTuple1, opTuple2, opTuple3, opFrozenset:
		return m.container(op)
	case opGlobal, opStackGlobal:
		return m.global(op)
	case opReduce, opNewobj, opNewobjEx:
		return m.object(op)
	}
	return nil, fmt.Errorf("%w: opcode %#02x", ErrUnsupported, op)
}

func (m *machine) proto() error {
	version, err := m.byte()
	if err == nil && version > 5 {
		return fmt.Errorf("%w: protocol %d", ErrUnsupported, version)
	}
	return err
}

// frame only says how many bytes may be read at once; they must be there.
func (m *machine) frame() error {
	size, err := m.size(8)
	if err != nil {
		return err
	}
	_, err = m.read(size)
	m.at -= size
	return err
}

// put saves the top of the stack in the memo, without taking it.
func (m *machine) put(op byte) error {
	index, err := m.index(op)
	if err != nil {
		return err
	}
	top, err := m.top()
	if err != nil {
		return err
	}
	if index >= maxItems {
		return fmt.Errorf("%w: memo entry %d", ErrLimit, index)
	}
	for len(m.memo) <= index {
		m.memo = append(m.memo, absent{})
	}
	if m.memo[index] == (absent{}) {
		m.saved++
	}
	m.memo[index] = top
	return m.count(1)
}

func (m *machine) get(op byte) error {
	index, err := m.index(op)
	if err != nil {
		return err
	}
	if index >= len(m.memo) || m.memo[index] == (absent{}) {
		return fmt.Errorf("%w: memo entry %d is not set", ErrMalformed, index)
	}
	return m.push(m.memo[index])
}

// index reads an index of the memo.
func (m *machine) index(op byte) (int, error) {
	switch op {
	case opMemoize:
		return m.saved, nil
	case opBinput, opBinget:
		return m.size(1)
	case opLongBinput, opLongBinget:
		return m.size(4)
	}
	line, err := m.line()
	if err != nil {
		return 0, err
	}
	return index(line)
}

// line reads text up to a line end, which it takes too.
func (m *machine) line() ([]byte, error) {
	end := bytes.IndexByte(m.data[m.at:], '\n')
	if end < 0 {
		return nil, fmt.Errorf("%w: a line without an end", ErrMalformed)
	}
	line := m.data[m.at : m.at+end]
	m.at += end + 1
	return line, nil
}

func (m *machine) byte() (byte, error) {
	b, err := m.read(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

// read answers the next n bytes; they are part of data.
func (m *machine) read(n int) ([]byte, error) {
	if n > len(m.data)-m.at {
		return nil, fmt.Errorf("%w: it ends early", ErrMalformed)
	}
	b := m.data[m.at : m.at+n]
	m.at += n
	return b, nil
}

// size reads an unsigned little-endian number of n bytes that counts bytes of
// this pickle or entries of its memo, so a larger one than maxBytes is refused.
func (m *machine) size(n int) (int, error) {
	b, err := m.read(n)
	if err != nil {
		return 0, err
	}
	size := 0
	for i := n - 1; i >= 0; i-- {
		if size = size<<8 | int(b[i]); size > maxBytes {
			return 0, fmt.Errorf("%w: a length beyond the end", ErrMalformed)
		}
	}
	return size, nil
}

// count holds the limit on what the machine does.
func (m *machine) count(n int) error {
	if m.items += n; m.items > 2*maxItems {
		return fmt.Errorf("%w: more than %d items", ErrLimit, maxItems)
	}
	return nil
}

func (m *machine) push(v any) error {
	m.stack = append(m.stack, v)
	return m.count(1)
}

// fence is the height below which nothing may be taken: the last mark's.
func (m *machine) fence() int {
	if len(m.marks) == 0 {
		return 0
	}
	return m.marks[len(m.marks)-1]
}

func (m *machine) top() (any, error) {
	if len(m.stack) <= m.fence() {
		return nil, fmt.Errorf("%w: the stack is empty", ErrMalformed)
	}
	return m.stack[len(m.stack)-1], nil
}

func (m *machine) pop() (any, error) {
	top, err := m.top()
	if err == nil {
		m.stack = m.stack[:len(m.stack)-1]
	}
	return top, err
}

// take takes n values; the answer is good until the next push.
func (m *machine) take(n int) ([]any, error) {
	if len(m.stack)-n < m.fence() {
		return nil, fmt.Errorf("%w: the stack is empty", ErrMalformed)
	}
	values := m.stack[len(m.stack)-n:]
	m.stack = m.stack[:len(m.stack)-n]
	return values, nil
}

// takeMarked takes what lies above the last mark, and the mark.
func (m *machine) takeMarked() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, fmt.Errorf("%w: no mark", ErrMalformed)
	}
	values := m.stack[m.fence():]
	m.stack = m.stack[:m.fence()]
	m.marks = m.marks[:len(m.marks)-1]
	return values, nil
}
