package identity_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/identity"
)

func TestACarryCountsForItsVisitorOnly(t *testing.T) {
	t.Parallel()
	v := identity.NewVisitors([]byte("0123456789abcdef"))
	id, _ := v.Mint()
	other, _ := v.Mint()
	until := time.Unix(1_800_000_000, 0)
	value := v.NewCarry(id, until)
	read := func(v *identity.Visitors, id string, values ...string) bool {
		r := &http.Request{Header: http.Header{}}
		for _, value := range values {
			r.Header.Add("Cookie", "a=b; "+identity.CarryCookie+"="+value)
		}
		got, there := v.Carry(r, id)
		return there && got.Equal(until)
	}
	later := v.NewCarry(id, until.Add(time.Hour))
	forged := later[:strings.LastIndex(later, ".")] + value[strings.LastIndex(value, "."):]
	for what, bad := range map[string]bool{
		"another visitor":        read(v, other, value),
		"another key":            read(identity.NewVisitors([]byte("another key, of 24 bytes")), id, value),
		"a later time":           read(v, id, forged),
		"two of them":            read(v, id, value, later),
		"none":                   read(v, id),
		"nonsense":               read(v, id, strings.Repeat("x", len(value))),
		"a visitor that is none": read(v, "x", value),
	} {
		if bad {
			t.Errorf("%s counts", what)
		}
	}
	if !read(v, id, value) || !read(v, id, value, value) {
		t.Error("what was signed does not count")
	}
}
