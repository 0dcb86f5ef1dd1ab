package pickle_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity/session/pickle"
	"github.com/strangler-proxy/strangler/internal/testbed"
)

// notation writes a value as testdata/oracle.py does.
func notation(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return map[bool]string{true: "True", false: "False"}[v]
	case int64, *big.Int:
		return fmt.Sprintf("i%d", v)
	case float64:
		if math.IsNaN(v) {
			return "fnan"
		}
		return fmt.Sprintf("f%016x", math.Float64bits(v))
	case string:
		return fmt.Sprintf("s%x", v)
	case []byte:
		return fmt.Sprintf("b%x", v)
	case []any:
		return "[" + strings.Join(notations(v), ",") + "]"
	case pickle.Tuple:
		return "(" + strings.Join(notations(v), ",") + ")"
	case pickle.Set:
		parts := notations(v)
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}"
	case pickle.Dict:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = notation(item.Key) + ":" + notation(item.Value)
		}
		return "<" + strings.Join(parts, ",") + ">"
	case pickle.DateTime:
		if v.Naive {
			return "n" + v.Format("2006-01-02T15:04:05.000000")
		}
		return "d" + v.UTC().Format("2006-01-02T15:04:05.000000")
	case pickle.Date:
		return "a" + string(v)
	case pickle.Clock:
		return "c" + string(v)
	case time.Duration:
		return fmt.Sprintf("p%d", v/time.Microsecond)
	case pickle.Decimal:
		return "m" + string(v)
	case pickle.UUID:
		return "u" + string(v)
	case pickle.Opaque:
		return "O"
	}
	panic(fmt.Sprintf("a value of type %T", v))
}

func notations(values []any) []string {
	out := make([]string, len(values))
	for i, value := range values {
		out[i] = notation(value)
	}
	return out
}

// python runs the oracle.
func python(t *testing.T, stdin string, args ...string) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), testbed.Python(t), append([]string{"testdata/oracle.py"}, args...)...)
	command.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// dumped answers pickles of random plain data that Python wrote.
func dumped(t *testing.T, count int) (pickles [][]byte, values []string) {
	t.Helper()
	for _, line := range python(t, "", "dump", fmt.Sprint(count), "7") {
		text, value, _ := strings.Cut(line, " ")
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		pickles, values = append(pickles, data), append(values, value)
	}
	return pickles, values
}

func TestPlainDataIsReadAsPythonWroteIt(t *testing.T) {
	t.Parallel()
	pickles, values := dumped(t, 2000)
	for i, data := range pickles {
		got, err := pickle.Decode(data)
		if err != nil {
			t.Fatalf("%q: %v; Python: %s", data, err, values[i])
		}
		if notation(got) != values[i] {
			t.Fatalf("%q\nhere   %s\nPython %s", data, notation(got), values[i])
		}
	}
}

// What Decode accepts of any bytes, Python loads too, as the same value; and
// what it refuses as malformed, Python refuses.
func TestDamagedPicklesAreReadAsPythonReadsThem(t *testing.T) {
	t.Parallel()
	pickles, _ := dumped(t, 400)
	random := rand.New(rand.NewPCG(1, 2))
	const count = 8_000
	inputs := make([][]byte, 0, count)
	var lines strings.Builder
	for range count {
		data := damage(random, pickles[random.IntN(len(pickles))])
		inputs = append(inputs, data)
		lines.WriteString(base64.StdEncoding.EncodeToString(data) + "\n")
	}
	accepted := 0
	for i, want := range python(t, lines.String()) {
		got, err := pickle.Decode(inputs[i])
		failed := strings.HasPrefix(want, "error")
		switch {
		case err == nil && failed && !strings.Contains(notation(got), "O"):
			t.Errorf("%q\nhere   %s\nPython %s", inputs[i], notation(got), want)
		case err == nil && !failed && notation(got) != want && !strings.Contains(notation(got), "O"):
			t.Errorf("%q\nhere   %s\nPython %s", inputs[i], notation(got), want)
		case err == nil && !failed:
			accepted++
		case errors.Is(err, pickle.ErrMalformed) && !failed && !strings.Contains(err.Error(), "after the end"):
			t.Errorf("%q\nhere   %v\nPython %s", inputs[i], err, want)
		}
	}
	t.Logf("%d of %d damaged pickles are read by both", accepted, len(inputs))
	if accepted < 500 {
		t.Error("too few to mean something")
	}
}

// opcodes are what damage puts in: those of the machine, and a few it refuses.
const opcodes = "(.GFIJKLMNRVXabcdeghjlpqrstu}])BC\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8f\x90\x91\x92\x93\x94\x95\x960125QPST"

// damage leaves the frame out: from a file, as the oracle has to, Python wants
// values to end where it ends; from bytes, as Django, it does not.
func damage(random *rand.Rand, data []byte) []byte {
	data = slices.Clone(data)
	if len(data) > 11 && data[2] == 0x95 {
		data = slices.Delete(data, 2, 11)
	}
	for range 1 + random.IntN(3) {
		at := random.IntN(len(data))
		switch random.IntN(4) {
		case 0:
			data[at] = byte(random.IntN(256))
		case 1:
			data[at] = opcodes[random.IntN(len(opcodes))]
		case 2:
			data = slices.Insert(data, at, opcodes[random.IntN(len(opcodes))])
		default:
			if data = slices.Delete(data, at, min(len(data), at+1+random.IntN(4))); len(data) == 0 {
				return []byte(".")
			}
		}
	}
	return data
}
