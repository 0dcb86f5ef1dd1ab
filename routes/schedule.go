package routes

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a schedule must not depend on what the machine has installed
)

// Schedule is when something may happen: on some days of the week, between two
// times of the day, on the clocks of one place.
type Schedule struct {
	text     string
	days     [7]bool // by time.Weekday
	from, to int     // minutes of the day; to is not part of it
	zone     *time.Location
}

// ErrSchedule is wrapped by every error of ParseSchedule.
var ErrSchedule = errors.New(`a schedule is days, times and a time zone, such as "Mon-Fri 09:00-16:00 Europe/Berlin"`)

var dayNames = [7]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// ParseSchedule reads "DAYS FROM-TO ZONE": days are "daily", or names and ranges
// with commas between them ("Mon-Wed,Sat"; "Sat-Mon" goes around the week),
// times are hours and minutes from 00:00 to 24:00, the first one earlier than
// the second, the zone is one of the IANA's or UTC.
func ParseSchedule(s string) (*Schedule, error) {
	fields := strings.Fields(s)
	if len(fields) != 3 {
		return nil, fmt.Errorf("%q has %d parts: %w", shorten(s), len(fields), ErrSchedule)
	}
	schedule := new(Schedule)
	var err error
	if schedule.days, err = parseDays(fields[0]); err != nil {
		return nil, err
	}
	from, to, ranged := strings.Cut(fields[1], "-")
	if !ranged {
		return nil, fmt.Errorf("%q is no span of time: write 09:00-16:00: %w", shorten(fields[1]), ErrSchedule)
	}
	if schedule.from, err = parseClock(from); err != nil {
		return nil, err
	}
	if schedule.to, err = parseClock(to); err != nil {
		return nil, err
	}
	if schedule.from >= schedule.to {
		return nil, fmt.Errorf("%s ends before it begins: one across midnight cannot be written: %w", fields[1], ErrSchedule)
	}
	if fields[2] == "Local" { // the machine's own zone is not written in the plan
		return nil, fmt.Errorf("%q is no time zone: name the place, such as Europe/Berlin: %w", fields[2], ErrSchedule)
	}
	if schedule.zone, err = time.LoadLocation(fields[2]); err != nil {
		return nil, fmt.Errorf("%q is no time zone: write UTC or a name such as Europe/Berlin: %w", shorten(fields[2]), ErrSchedule)
	}
	schedule.text = strings.Join(fields, " ")
	return schedule, nil
}

func parseDays(s string) (days [7]bool, err error) {
	if strings.EqualFold(s, "daily") {
		return [7]bool{true, true, true, true, true, true, true}, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		from, to := parseDay(first), parseDay(last)
		if from < 0 || to < 0 {
			return days, fmt.Errorf("%q is no day: write Mon, Tue, Wed, Thu, Fri, Sat, Sun, Mon-Fri or daily: %w", shorten(part), ErrSchedule)
		}
		for day := from; ; day = (day + 1) % 7 {
			days[day] = true
			if day == to {
				break
			}
		}
	}
	return days, nil
}

func parseDay(s string) int {
	for day, name := range dayNames {
		if strings.EqualFold(s, name) {
			return day
		}
	}
	return -1
}

func parseClock(s string) (minute int, err error) {
	digit := func(i int) int { return int(s[i]) - '0' }
	if len(s) == 5 && s[2] == ':' {
		for _, i := range []int{0, 1, 3, 4} {
			if d := digit(i); d < 0 || d > 9 {
				minute = -1
			}
		}
		if minute == 0 {
			hours, minutes := 10*digit(0)+digit(1), 10*digit(3)+digit(4)
			if minute = 60*hours + minutes; minutes < 60 && minute <= 24*60 {
				return minute, nil
			}
		}
	}
	return 0, fmt.Errorf("%q is no time of the day: write 00:00 to 24:00: %w", shorten(s), ErrSchedule)
}

// String is the schedule as it was written, with single spaces.
func (s *Schedule) String() string { return s.text }

// MarshalText is what ParseSchedule reads.
func (s *Schedule) MarshalText() ([]byte, error) { return []byte(s.text), nil }

// UnmarshalText is ParseSchedule.
func (s *Schedule) UnmarshalText(text []byte) error {
	parsed, err := ParseSchedule(string(text))
	if err != nil {
		return err
	}
	*s = *parsed
	return nil
}

// Contains says whether t is in the schedule, by what the clocks in its zone
// show. A nil schedule has every time.
func (s *Schedule) Contains(t time.Time) bool {
	if s == nil {
		return true
	}
	local := t.In(s.zone)
	minute := 60*local.Hour() + local.Minute()
	return s.days[local.Weekday()] && s.from <= minute && minute < s.to
}

// Next is the first time from t on that is in the schedule. When clocks are set
// forward over all of a day's times, that day has none.
func (s *Schedule) Next(t time.Time) time.Time {
	if s.Contains(t) {
		return t
	}
	local := t.In(s.zone)
	const days = 15 // a week, and one more should its only hour be skipped
	for ahead := range days {
		noon := time.Date(local.Year(), local.Month(), local.Day()+ahead, 12, 0, 0, 0, s.zone)
		if !s.days[noon.Weekday()] {
			continue
		}
		begins := time.Date(local.Year(), local.Month(), local.Day()+ahead, 0, s.from, 0, 0, s.zone)
		// Where clocks are set forward the day may begin late, where they are
		// set back its times come twice: look around, minute by minute.
		const around = 2 * time.Hour
		for at := begins.Add(-around); !at.After(begins.Add(around)); at = at.Add(time.Minute) {
			if at.After(t) && s.Contains(at) {
				return at.UTC()
			}
		}
	}
	return time.Time{}
}
