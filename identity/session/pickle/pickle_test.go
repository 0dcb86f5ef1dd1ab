package pickle_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/strangler-proxy/strangler/identity/session/pickle"
)

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		pickle string
		want   error
	}{
		"nothing":                        {"", pickle.ErrMalformed},
		"no end":                         {"N", pickle.ErrMalformed},
		"bytes after the end":            {"N.N", pickle.ErrMalformed},
		"an empty stack":                 {".", pickle.ErrMalformed},
		"below a mark":                   {"N(.", pickle.ErrMalformed},
		"a memo miss":                    {"h\x00.", pickle.ErrMalformed},
		"a list as a key":                {"}]Ns.", pickle.ErrMalformed},
		"a persistent ID":                {"NQ.", pickle.ErrUnsupported},
		"a persistent ID as text":        {"P1\n.", pickle.ErrUnsupported},
		"an extension":                   {"\x82\x01.", pickle.ErrUnsupported},
		"an out-of-band buffer":          {"\x97.", pickle.ErrUnsupported},
		"protocol 6":                     {"\x80\x06N.", pickle.ErrUnsupported},
		"Python 2's text":                {"U\x01a.", pickle.ErrUnsupported},
		"a list that holds itself":       {"]q\x00h\x00a.", pickle.ErrLimit},
		"a dict that holds itself":       {"}q\x00Nh\x00s.", pickle.ErrLimit},
		"65 lists in each other":         {strings.Repeat("]", 66) + strings.Repeat("a", 65) + ".", pickle.ErrLimit},
		"a memo index that asks for 4 G": {"Nr\xff\xff\x0f\x00.", pickle.ErrLimit},
		"a length that asks for 2 G":     {"B\xff\xff\xff\x7f.", pickle.ErrMalformed},
		"more than 1 MiB":                {strings.Repeat("N", 1<<20) + ".", pickle.ErrLimit},
		"more items than are allowed":    {"]" + strings.Repeat("Na", 100_001) + ".", pickle.ErrLimit},
		"an integer of 64 KiB":           {"\x8b\x00\x00\x01\x00" + strings.Repeat("x", 1<<16) + ".", pickle.ErrLimit},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if v, err := pickle.Decode([]byte(test.pickle)); !errors.Is(err, test.want) {
				t.Errorf("%v, %v; want %v", v, err, test.want)
			}
		})
	}
}

// A value that is shared costs each time, so that little text cannot become a
// tree without end: 40 levels of [x, x].
func TestSharedValuesCountEachTime(t *testing.T) {
	t.Parallel()
	lists := "]\x94"
	for level := range 40 {
		lists += "]\x94(h" + string(rune(level)) + "h" + string(rune(level)) + "e"
	}
	tuples := ")\x94"
	for level := range 40 {
		tuples += "h" + string(rune(level)) + "h" + string(rune(level)) + "\x86\x94"
	}
	for name, data := range map[string]string{"lists": lists + ".", "tuples": tuples + ".", "a tuple as a key": tuples + "}h\x28Ns."} {
		if _, err := pickle.Decode([]byte(data)); !errors.Is(err, pickle.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The pickle that would run a command is a value without any use.
func TestNothingIsCalled(t *testing.T) {
	t.Parallel()
	v, err := pickle.Decode([]byte("}X\x04\x00\x00\x00evilcos\nsystem\n(X\x02\x00\x00\x00idtRs."))
	if err != nil || notation(v) != "<s6576696c:O>" {
		t.Errorf("%v, %v", v, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"\x80\x04\x95\x1b\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94]\x94(\x88N\x89e\x8c\x01c\x94\x8c\x01d\x94u.",
		"(dp0\nVa\np1\nI01\nsVb\np2\n(lp3\nL12L\naF1.5\nas.",
		"\x80\x04\x8c\x04uuid\x94\x8c\x04UUID\x94\x93\x94)\x81\x94}\x94\x8c\x03int\x94K\x07sb.",
		"\x80\x05\x8f\x94(K\x01\x8c\x01a\x94\x90\x85\x94(K\x01\x91\x94\x86.",
		"\x80\x04\x8c\x08datetime\x94\x8c\x04date\x94\x93\x94C\x04\x07\xe8\x02\x1d\x94\x85\x94R\x94.",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		v, err := pickle.Decode(data)
		if !bytes.Equal(before, data) {
			t.Error("the input was written to")
		}
		if err != nil {
			if v != nil {
				t.Error("a value and an error")
			}
			return
		}
		first := notation(v)
		clear(data)
		if notation(v) != first {
			t.Error("the value is part of the input")
		}
	})
}
