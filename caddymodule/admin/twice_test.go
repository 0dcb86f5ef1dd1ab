package admin

import "testing"

func TestTwice(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a":1,"b":"a","c":["a","a"],"d":{"a":1,"b":2}}`: "",
		`[{"a":1},{"a":1},"a","a"]`:                       "",
		`{"a":1,"a":1}`:                                   "a",
		`{"a":1,"A":1}`:                                   "A",
		`{"a":{"b":[{}],"b":2}}`:                          "b",
		`{"a":{"x":"a"},"b":[[]],"b":null}`:               "b",
		`{"a":`:                                           "",
		`}`:                                               "",
		``:                                                "",
	} {
		if got := twice([]byte(text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
