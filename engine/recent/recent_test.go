package recent

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/strangler-proxy/strangler/routes"
)

func TestSlotSize(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(slot{}); size != SlotSize {
		t.Errorf("a slot has %d bytes, said are %d", size, SlotSize)
	}
	if textSize > math.MaxUint8 || int(valueText)+maxValue > math.MaxUint8 {
		t.Error("lengths do not fit into a byte")
	}
}

func all(r *Ring, known *Layouts) (records []*Record) {
	r.Last(known, func(record *Record) bool {
		records = append(records, record)
		return true
	})
	return records
}

const secretTable = `
targets: { monolith: { url: "http://127.0.0.1:1" }, s: { url: "http://127.0.0.1:2" } }
monolith: monolith
routes:
  - name: r
    match: /
    when:
      headers: { Authorization: { prefix: "Bearer " }, X-Tenant: { prefix: t }, X-Api-Key: { present: true } }
      query: { v: "2", access_token: { present: true } }
      cookies: { sessionid: { present: true } }
    service: s
    owner: o
    fallback: [connect]
`

// TestNothingSecretIsKept looks into the memory itself.
func TestNothingSecretIsKept(t *testing.T) {
	t.Parallel()
	var known Layouts
	layout := known.Of(load(t, secretTable))
	ring := New(3)
	ring.Add(layout, &routes.Request{
		Method: "GET", Host: "example.com", Path: "/p", RawQuery: "v=2&access_token=SECRET1&other=SECRET2",
		Header: http.Header{
			"Authorization": {"Bearer SECRET3"}, "X-Tenant": {"t7"}, "X-Api-Key": {"SECRET4"}, "X-Other": {"SECRET5"},
			"Cookie": {"sessionid=SECRET6; other=SECRET7"},
		},
	}, &Facts{}, time.Unix(1, 0))
	memory := unsafe.Slice((*byte)(unsafe.Pointer(&ring.slots[0])), len(ring.slots)*SlotSize)
	if strings.Contains(string(memory), "SECRET") {
		t.Errorf("%q", memory)
	}
	record := all(ring, &known)[0]
	for _, source := range layout.sources {
		v := record.Recall(source.source)
		if !v.Known || v.Value.State != routes.ValueSingle {
			t.Errorf("%v: %+v", source.source, v)
		}
		want := map[string]string{"Authorization": "Bearer SECRET3", "X-Api-Key": "SECRET4", "access_token": "SECRET1", "sessionid": "SECRET6"}[source.source.Name()]
		if (v.Is != nil) != (want != "") || v.Is != nil && (!v.Is(want) || v.Is(want+"x")) {
			t.Errorf("%v: %+v", source.source, v)
		}
	}
}

func TestTheLastAreKeptNewestFirst(t *testing.T) {
	t.Parallel()
	var known Layouts
	layout := known.Of(load(t, plainTable))
	ring := New(5)
	for i := range 13 {
		ring.Add(layout, &routes.Request{Method: "GET", Host: "h", Path: fmt.Sprint("/", i)}, &Facts{Bucket: routes.PPM(i)}, time.Unix(int64(i), 0))
		want := min(i+1, 5)
		records := all(ring, &known)
		if len(records) != want {
			t.Fatalf("%d records, want %d", len(records), want)
		}
		for j, r := range records {
			if r.Path != fmt.Sprint("/", i-j) || r.Bucket != routes.PPM(i-j) || !r.At.Equal(time.Unix(int64(i-j), 0)) || r.Cut {
				t.Errorf("%+v", r)
			}
		}
	}
}

// TestWhatDoesNotFitIsSaid: neither text runs into another.
func TestWhatDoesNotFitIsSaid(t *testing.T) {
	t.Parallel()
	var known Layouts
	layout := known.Of(load(t, secretTable))
	long := strings.Repeat("x", 300)
	ring := New(1)
	source := layout.sources[2].source // X-Tenant
	for _, c := range []struct {
		method, host, path, tenant string
		cut, hashed                bool
	}{
		{"GET", "h", "/p", "t1", false, false},
		{"GET", "h", "/p", long, false, true},
		{"GET", "h", "/p", strings.Repeat("t", maxValue), false, false},
		{"GET", "h", "/p", strings.Repeat("t", maxValue+1), false, true},
		{"GET", "h", "/" + long, "t1", true, false},
		{"GET", long, "/", "t1", true, false},
		{long, long, "/", "t1", true, false},
		{long, long, "", "t1", true, false},
		{long[:64], long[:64], "", "t1", false, false},
		{"GET", "h", "/" + long[:120], strings.Repeat("t", 40), false, true},
	} {
		ring.Add(layout, &routes.Request{Method: c.method, Host: c.host, Path: c.path, Header: http.Header{"X-Tenant": {c.tenant}}}, &Facts{}, time.Unix(1, 0))
		r := all(ring, &known)[0]
		if r.Cut != c.cut || !strings.HasPrefix(c.method, r.Method) || !strings.HasPrefix(c.host, r.Host) || !strings.HasPrefix(c.path, r.Path) {
			t.Errorf("%+v: %+v", c, r)
		}
		v := r.Recall(source)
		switch {
		case c.cut && v.Known:
			t.Errorf("%+v: known", c)
		case c.cut:
		case c.hashed && (v.Is == nil || !v.Is(c.tenant)), !c.hashed && v.Value.Text != c.tenant:
			t.Errorf("%+v: %+v", c, v)
		}
	}
}

func TestLayoutsAreSharedAndForgotten(t *testing.T) {
	t.Parallel()
	var known Layouts
	first := known.Of(load(t, plainTable))
	if known.Of(load(t, strings.ReplaceAll(plainTable, "/v1/", "/v2/"))) != first {
		t.Error("another layout for the same sources")
	}
	ring := New(1)
	withHeader := strings.Replace(plainTable, "service: s", "when: { headers: { X-0: \"1\" } }, service: s", 1)
	table := load(t, withHeader)
	ring.Add(known.Of(table), &routes.Request{Method: "GET", Path: "/"}, &Facts{}, time.Unix(1, 0))
	if v := all(ring, &known)[0].Recall(table.Sources()[0]); !v.Known || v.Value.State != routes.ValueMissing {
		t.Errorf("%+v", v)
	}
	for i := range 2 * maxLayouts {
		known.Of(load(t, strings.ReplaceAll(withHeader, "X-0", fmt.Sprint("X-", i+1))))
	}
	if len(known.known) != maxLayouts {
		t.Error(len(known.known))
	}
	if v := all(ring, &known)[0].Recall(table.Sources()[0]); v.Known {
		t.Errorf("%+v", v)
	}
}

// TestNobodyWaitsAndNothingMixes writes and reads a small ring from all sides:
// every record is whole.
func TestNobodyWaitsAndNothingMixes(t *testing.T) {
	t.Parallel()
	var known Layouts
	layout := known.Of(load(t, plainTable))
	ring := New(16)
	var done sync.WaitGroup
	for writer := range 4 {
		done.Go(func() {
			for i := range 5000 {
				n := writer*5000 + i
				ring.Add(layout, &routes.Request{Method: "GET", Host: "h", Path: fmt.Sprint("/", n)}, &Facts{Bucket: routes.PPM(n)}, time.Unix(int64(n), 0))
			}
		})
	}
	for range 2 {
		done.Go(func() {
			for range 500 {
				for _, r := range all(ring, &known) {
					if r.Path != fmt.Sprint("/", int(r.Bucket)) || r.At.Unix() != int64(r.Bucket) {
						t.Errorf("mixed: %+v", r)
						return
					}
				}
			}
		})
	}
	done.Wait()
	if n := len(all(ring, &known)); n == 0 || n > 16 {
		t.Errorf("%d records", n)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	var known Layouts
	layout := known.Of(load(t, secretTable))
	ring := New(4)
	asked := routes.Request{Method: "GET", Host: "h", Path: "/", RawQuery: "v=2", Header: http.Header{"Cookie": {"sessionid=1"}, "X-Tenant": {"t"}}}
	if n := testing.AllocsPerRun(100, func() { ring.Add(layout, &asked, &Facts{}, time.Time{}) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzAdd remembers foreign texts: nothing runs over, and what is recalled is
// what was there.
func FuzzAdd(f *testing.F) {
	f.Add("GET", "h", "/p", "v=2", "t1", "sessionid=1")
	f.Add("", "", "", "", "", "")
	f.Fuzz(func(t *testing.T, method, host, path, query, tenant, cookie string) {
		var known Layouts
		layout := known.Of(load(t, secretTable))
		asked := routes.Request{
			Method: method, Host: host, Path: path, RawQuery: query,
			Header: http.Header{"X-Tenant": {tenant}, "Cookie": {cookie}, "Authorization": {tenant, cookie}},
		}
		ring := New(1)
		ring.Add(layout, &asked, &Facts{}, time.Time{})
		r := all(ring, &known)[0]
		if r.Cut {
			return
		}
		if r.Method != method || r.Host != host || r.Path != path {
			t.Errorf("%+v", r)
		}
		for _, source := range layout.sources {
			want, got := source.source.Read(&asked), r.Recall(source.source)
			if !got.Known || got.Value.State != want.State || got.Is == nil && got.Value.Text != want.Text || got.Is != nil && !got.Is(want.Text) {
				t.Errorf("%v: %+v, want %+v", source.source, got, want)
			}
		}
	})
}
