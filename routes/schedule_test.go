package routes_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/strangler-proxy/strangler/routes"
)

func schedule(t *testing.T, s string) *routes.Schedule {
	t.Helper()
	parsed, err := routes.ParseSchedule(s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestScheduleContains(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		schedule, at string
		want         bool
	}{
		{"Mon-Fri 09:00-16:00 Europe/Berlin", "2026-05-04T06:59:59Z", false}, // Monday, 08:59:59 in Berlin
		{"Mon-Fri 09:00-16:00 Europe/Berlin", "2026-05-04T07:00:00Z", true},
		{"Mon-Fri 09:00-16:00 Europe/Berlin", "2026-05-04T13:59:59Z", true},
		{"Mon-Fri 09:00-16:00 Europe/Berlin", "2026-05-04T14:00:00Z", false},
		{"Mon-Fri 09:00-16:00 Europe/Berlin", "2026-12-07T07:30:00Z", false}, // winter
		{"Mon-Fri 09:00-16:00 Europe/Berlin", "2026-12-07T08:30:00Z", true},
		{"Mon-Fri 09:00-16:00 Europe/Berlin", "2026-05-09T10:00:00Z", false}, // Saturday
		{"Sat-Mon 00:00-24:00 UTC", "2026-05-04T23:59:59Z", true},
		{"Sat-Mon 00:00-24:00 UTC", "2026-05-05T00:00:00Z", false},
		{"Sat-Mon 00:00-24:00 UTC", "2026-05-03T12:00:00Z", true},
		{"mon,WED 10:00-11:00 UTC", "2026-05-06T10:30:00Z", true},
		{"mon,WED 10:00-11:00 UTC", "2026-05-05T10:30:00Z", false},
		{"daily 10:00-11:00 UTC", "2026-05-05T10:30:00Z", true},
		{"Mon 00:00-01:00 Pacific/Auckland", "2026-05-03T12:30:00Z", true}, // Sunday in UTC
	} {
		at, err := time.Parse(time.RFC3339, test.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := schedule(t, test.schedule).Contains(at); got != test.want {
			t.Errorf("%s at %s: %v", test.schedule, test.at, got)
		}
	}
	var always *routes.Schedule
	if !always.Contains(time.Now()) {
		t.Error("no schedule is not every time")
	}
}

func TestScheduleNext(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ schedule, from, want string }{
		{"Mon-Fri 09:00-16:00 Europe/Berlin", "2026-05-04T08:00:00Z", "2026-05-04T08:00:00Z"},
		{"Mon-Fri 09:00-16:00 Europe/Berlin", "2026-05-08T14:00:00Z", "2026-05-11T07:00:00Z"}, // Friday to Monday
		{"Mon 09:00-16:00 Europe/Berlin", "2026-10-19T14:00:00Z", "2026-10-26T08:00:00Z"},     // to winter time
		{"Sun 02:15-02:45 Europe/Berlin", "2026-03-28T12:00:00Z", "2026-04-05T00:15:00Z"},     // 29 March has no such time
		{"daily 02:30-04:00 Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},   // it begins at 03:00
		{"Sun 02:15-02:45 Europe/Berlin", "2026-10-25T00:50:00Z", "2026-10-25T01:15:00Z"},     // the second time that day
		{"Sun 00:00-24:00 UTC", "2026-05-04T00:00:00Z", "2026-05-10T00:00:00Z"},
	} {
		from, err := time.Parse(time.RFC3339, test.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := schedule(t, test.schedule).Next(from).Format(time.RFC3339); got != test.want {
			t.Errorf("%s from %s: %s, want %s", test.schedule, test.from, got, test.want)
		}
	}
}

func TestParseScheduleSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                           "0 parts",
		"09:00-16:00":                                "1 parts",
		"Mon-Fri 09:00-16:00":                        "2 parts",
		"Mon-Fri 09:00 - 16:00 UTC":                  "5 parts",
		"Monday 09:00-16:00 UTC":                     `"Monday" is no day`,
		"Mon- 09:00-16:00 UTC":                       `"Mon-" is no day`,
		"Mon,,Tue 09:00-16:00 UTC":                   `"" is no day`,
		"Mon 09:00 UTC":                              "no span",
		"Mon 9:00-16:00 UTC":                         `"9:00" is no time`,
		"Mon 09:60-16:00 UTC":                        `"09:60" is no time`,
		"Mon 09:00-24:01 UTC":                        `"24:01" is no time`,
		"Mon 09:00-1600 UTC":                         `"1600" is no time`,
		"Mon +9:00-16:00 UTC":                        `"+9:00" is no time`,
		"Mon 22:00-02:00 UTC":                        "ends before it begins",
		"Mon 09:00-09:00 UTC":                        "ends before it begins",
		"Mon 09:00-16:00 Berlin":                     `"Berlin" is no time zone`,
		"Mon 09:00-16:00 ../../etc/passwd":           "is no time zone",
		"Mon 09:00-16:00 Local":                      "is no time zone",
		"Mon 09:00-16:00 " + strings.Repeat("x", 99): "…",
	} {
		parsed, err := routes.ParseSchedule(text)
		if !errors.Is(err, routes.ErrSchedule) || parsed != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	f.Add("Mon-Fri 09:00-16:00 Europe/Berlin")
	f.Add("sat-Mon,Wed 00:00-24:00 UTC")
	f.Add("daily 02:15-02:45 Australia/Lord_Howe")
	f.Add("Mon 99:99-:::: \xff")
	from := time.Date(2026, 3, 28, 12, 34, 56, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := routes.ParseSchedule(text)
		if err != nil {
			if !errors.Is(err, routes.ErrSchedule) || len(err.Error()) > 400 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		written, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		again := new(routes.Schedule)
		if err := again.UnmarshalText(written); err != nil || again.String() != s.String() {
			t.Errorf("%q is written as %q: %v", text, written, err)
		}
		next := s.Next(from)
		if next.IsZero() || next.Before(from) || !s.Contains(next) || again.Next(from) != next {
			t.Errorf("%q from %s: %s", text, from, next)
		}
		if next.After(from) && s.Contains(next.Add(-time.Second)) {
			t.Errorf("%q began before %s", text, next)
		}
	})
}
