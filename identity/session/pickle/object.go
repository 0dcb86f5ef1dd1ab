package pickle

import (
	"fmt"
	"math/big"
	"regexp"
	"time"
	"unicode/utf8"
)

// global is a class or function by its name. Nothing is looked up.
type global struct{ module, name string }

// class says what becomes of an object.
type class uint8

const (
	classOpaque class = iota
	classBytearray
	classDateTime
	classDate
	classClock
	classDelta
	classZone
	classDecimal
	classOrderedDict
	classUUID
	classSafeString
	classPytzUTC
)

// classes are the only ones that are made. pytz._UTC is what Django below 4.0
// puts into the session's own _session_expiry.
var classes = map[global]class{
	{"builtins", "bytearray"}:                 classBytearray,
	{"datetime", "datetime"}:                  classDateTime,
	{"datetime", "date"}:                      classDate,
	{"datetime", "time"}:                      classClock,
	{"datetime", "timedelta"}:                 classDelta,
	{"datetime", "timezone"}:                  classZone,
	{"decimal", "Decimal"}:                    classDecimal,
	{"collections", "OrderedDict"}:            classOrderedDict,
	{"uuid", "UUID"}:                          classUUID,
	{"django.utils.safestring", "SafeString"}: classSafeString,
	{"pytz", "_UTC"}:                          classPytzUTC,
}

// decimals are what str() makes of a Decimal.
var decimals = regexp.MustCompile(`^-?([0-9]+(\.[0-9]+)?(E[+-][0-9]+)?|Infinity|s?NaN[0-9]*)$`)

// object is an instance; made is its value, of a type by its class, nil for one
// that is opaque.
type object struct {
	class class
	made  any
}

// value answers what Decode answers for the object.
func (o *object) value() any {
	switch made := o.made.(type) {
	case nil, *time.Location:
		return Opaque{}
	case []byte:
		return append([]byte(nil), made...)
	default:
		return made
	}
}

// key answers the object as a key; see machine.key.
func (o *object) key() (any, error) {
	switch made := o.made.(type) {
	case nil:
		return o, nil // equal to itself only
	case []byte:
		return nil, fmt.Errorf("%w: a key whose value changes", ErrMalformed)
	case DateTime:
		if made.Naive {
			return compound("n" + made.Format(time.RFC3339Nano)), nil
		}
		return compound("d" + made.UTC().Format(time.RFC3339Nano)), nil
	default:
		return compound(fmt.Sprintf("o%d %v", o.class, made)), nil
	}
}

func (m *machine) global(op byte) (any, error) {
	if op == opGlobal {
		module, err := m.line()
		if err != nil {
			return nil, err
		}
		name, err := m.line()
		if err == nil && (!utf8.Valid(module) || !utf8.Valid(name)) {
			err = fmt.Errorf("%w: a name that is no UTF-8", ErrMalformed)
		}
		return global{string(module), string(name)}, err
	}
	values, err := m.take(2)
	if err != nil {
		return nil, err
	}
	module, first := values[0].(string)
	name, second := values[1].(string)
	if !first || !second {
		return nil, fmt.Errorf("%w: a name that is no text", ErrMalformed)
	}
	return global{module, name}, nil
}

// object makes the instance that an opcode asks for: what is known and has the
// arguments its class writes into a pickle is made, the rest is opaque.
func (m *machine) object(op byte) (any, error) {
	count := 2
	if op == opNewobjEx {
		count = 3
	}
	values, err := m.take(count)
	if err != nil {
		return nil, err
	}
	args, ok := values[1].(*tuple)
	if !ok {
		return nil, fmt.Errorf("%w: arguments that are no tuple", ErrMalformed)
	}
	switch callee := values[0].(type) {
	case global:
		return construct(op, classes[callee], args.items), nil
	case *object:
		return &object{}, nil
	}
	return nil, fmt.Errorf("%w: a value that is no class", ErrMalformed)
}

func construct(op byte, class class, args []any) any {
	o := &object{class: class}
	switch {
	case op == opNewobj && class == classUUID && len(args) == 0:
		return o // its number comes with BUILD
	case op == opNewobj && class == classSafeString && len(args) == 1:
		if text, ok := args[0].(string); ok {
			return text
		}
	case op == opReduce && class == classOrderedDict && len(args) == 0:
		return &dict{}
	case op == opReduce:
		o.made = class.make(args)
	}
	if o.made == nil {
		o.class = classOpaque
	}
	return o
}

// make answers the value that the class's own __reduce__ wrote, or nil.
func (c class) make(args []any) any {
	switch c {
	case classDelta:
		return delta(args)
	case classPytzUTC:
		if len(args) == 0 {
			return time.UTC
		}
	case classZone:
		return zone(args)
	case classDateTime:
		return dateTime(args)
	default:
	}
	if len(args) != 1 {
		return nil
	}
	switch arg := args[0].(type) {
	case string:
		if c == classDecimal && len(arg) <= maxText && decimals.MatchString(arg) {
			return Decimal(arg)
		}
	case []byte:
		switch c {
		case classBytearray:
			return arg
		case classDate:
			return date(arg)
		case classClock:
			return clock(arg)
		default:
		}
	}
	return nil
}

// build gives an uuid.UUID its number; one with an odd number is opaque.
func (o *object) build(state any) {
	d, _ := state.(*dict)
	for i := 0; d != nil && i < len(d.items); i++ {
		if d.items[i].Key != any("int") {
			continue
		}
		n := new(big.Int)
		switch v := d.items[i].Value.(type) {
		case int64:
			n.SetInt64(v)
		case *big.Int:
			n = v
		}
		if n.Sign() <= 0 || n.BitLen() > 128 {
			return
		}
		var b [16]byte
		n.FillBytes(b[:])
		o.made = UUID(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
	}
}
