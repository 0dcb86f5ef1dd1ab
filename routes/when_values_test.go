package routes

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// What is certain here is what the standard library reads as well.
func FuzzQueryValue(f *testing.F) {
	for _, seed := range [][2]string{
		{"x=1&y=2&x=1", "x"}, {"%78=a+b&x=a%20b", "x"}, {"a;x=1", "x"}, {"&&=&x", ""}, {"x=%zz", "x"}, {"a b=1&a+b=2", "a b"}, {"é=1", "é"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, query, name string) {
		v := queryValue(query, name)
		if v.state == doubtful {
			t.Skip()
		}
		// An error is about other parameters; those that could be read are returned.
		values, _ := url.ParseQuery(query)
		checkValue(t, v, values[name])
	})
}

func FuzzCookieValue(f *testing.F) {
	for _, seed := range []string{"x=1; y=2; x=1", "x=1;x=2", "x", `x="1"`, " x = 1 ;", "y=x=1; x==", "x=a b", "x=,;x=\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\r\n") {
			t.Skip() // not in a header
		}
		v := cookieValue([]string{line}, "x")
		cookies := (&http.Request{Header: http.Header{"Cookie": {line}}}).CookiesNamed("x")
		if v.state == doubtful || v.state == several || len(cookies) == 0 {
			t.Skip() // net/http leaves out values with bytes that cookies may not have
		}
		values := make([]string, 0, len(cookies))
		for _, c := range cookies {
			values = append(values, c.Value)
		}
		checkValue(t, v, values)
	})
}

// checkValue holds a value against all that the standard library found.
func checkValue(t *testing.T, v value, all []string) {
	t.Helper()
	want := value{}
	for _, text := range all {
		want = want.add(text)
	}
	if v != want {
		t.Errorf("%+v, want %+v of %q", v, want, all)
	}
}
