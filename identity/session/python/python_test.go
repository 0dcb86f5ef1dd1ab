package python_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"testing"

	"github.com/strangler-proxy/strangler/identity/session/python"
)

func TestNumbersThatJSONDoesNotHaveAreNull(t *testing.T) {
	t.Parallel()
	var got map[string]any
	const data = `{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN \" Infinity","a":NaN}`
	if err := python.UnmarshalJSON([]byte(data), &got); err != nil || got["a"] != nil || got["c"] != `NaN " Infinity` {
		t.Errorf("%v, %v", got, err)
	}
	for text, want := range map[string]error{`{} {}`: python.ErrTrailing, `[`: python.ErrNoJSON, `[1]`: python.ErrKind, `{"a":NaNN}`: python.ErrNoJSON} {
		if err := python.UnmarshalJSON([]byte(text), &got); !errors.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestInflatingIsBounded(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]error{0: nil, python.MaxData: nil, python.MaxData + 1: python.ErrTooLarge, 64 << 20: python.ErrTooLarge} {
		var deflated bytes.Buffer
		w := zlib.NewWriter(&deflated)
		if _, err := w.Write(make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		out, err := python.Inflate(deflated.Bytes())
		if !errors.Is(err, want) || err == nil && len(out) != size {
			t.Errorf("%d: %d, %v", size, len(out), err)
		}
	}
	if _, err := python.Inflate([]byte("x\x9cnothing")); err == nil {
		t.Error("what is no stream was inflated")
	}
}
