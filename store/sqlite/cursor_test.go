package sqlite

import "testing"

func TestCursorsAreKept(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	want := func(name string, seq uint64, found bool) {
		t.Helper()
		got, ok, err := s.Cursor(t.Context(), name)
		if err != nil || got != seq || ok != found {
			t.Errorf("%s: %d, %v, %v", name, got, ok, err)
		}
	}
	want("a", 0, false)
	for _, set := range []struct {
		name string
		seq  uint64
	}{{"a", 7}, {"b", 0}, {"a", 9}, {"c", 1<<63 - 1}} {
		if err := s.SetCursor(t.Context(), set.name, set.seq); err != nil {
			t.Fatal(err)
		}
	}
	want("a", 9, true)
	closeNow(t, s)
	s = open(t, path)
	want("a", 9, true)
	want("b", 0, true)
	want("c", 1<<63-1, true)
	want("A", 0, false)
}
