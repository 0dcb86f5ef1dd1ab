package pickle

import (
	"fmt"
	"time"
)

// What CPython's Modules/_datetimemodule.c writes: bytes of fixed places, and
// the zone as a second argument. An odd argument answers nil.

const dayLength = 24 * time.Hour

func dateTime(args []any) any {
	if len(args) == 0 || len(args) > 2 {
		return nil
	}
	b, ok := args[0].([]byte)
	if !ok || len(b) != 10 {
		return nil
	}
	day, ok := civil(b[:4])
	if !ok {
		return nil
	}
	since, ok := sinceMidnight(b[4:])
	if !ok {
		return nil
	}
	if len(args) == 1 || args[1] == nil {
		return DateTime{Time: day.Add(since), Naive: true}
	}
	o, ok := args[1].(*object)
	if !ok {
		return nil
	}
	where, ok := o.made.(*time.Location)
	if !ok {
		return nil
	}
	year, month, date := day.Date()
	midnight := time.Date(year, month, date, 0, 0, 0, 0, where)
	return DateTime{Time: midnight.Add(since)}
}

func date(b []byte) any {
	if day, ok := civil(b); ok {
		return Date(day.Format(time.DateOnly))
	}
	return nil
}

func clock(b []byte) any {
	if since, ok := sinceMidnight(b); ok {
		return Clock(time.Time{}.Add(since).Format("15:04:05.000000"))
	}
	return nil
}

// civil reads two bytes of year, one of month, one of day. The month's high bit
// is the fold: the second of two equal wall times; only a naive time or a zone
// with rules has a use for it.
func civil(b []byte) (time.Time, bool) {
	if len(b) != 4 {
		return time.Time{}, false
	}
	year, month, day := int(b[0])<<8|int(b[1]), time.Month(b[2]&0x7f), int(b[3])
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return t, year >= 1 && year <= 9999 && t.Month() == month && t.Day() == day
}

// sinceMidnight reads a byte each of hour, minute and second, three of
// microseconds.
func sinceMidnight(b []byte) (time.Duration, bool) {
	if len(b) != 6 {
		return 0, false
	}
	hour, minute, second := int64(b[0]&0x7f), int64(b[1]), int64(b[2])
	micro := int64(b[3])<<16 | int64(b[4])<<8 | int64(b[5])
	since := time.Duration(((hour*60+minute)*60+second)*1e6+micro) * time.Microsecond
	return since, hour < 24 && minute < 60 && second < 60 && micro < 1e6
}

// delta reads a timedelta: days, seconds, microseconds. One beyond a
// time.Duration stays opaque.
func delta(args []any) any {
	if len(args) != 3 {
		return nil
	}
	var n [3]int64
	for i, arg := range args {
		var ok bool
		if n[i], ok = arg.(int64); !ok {
			return nil
		}
	}
	if n[0] < -100_000 || n[0] > 100_000 || n[1] < 0 || n[1] >= 86_400 || n[2] < 0 || n[2] >= 1e6 {
		return nil
	}
	return time.Duration(n[0])*dayLength + time.Duration(n[1])*time.Second + time.Duration(n[2])*time.Microsecond
}

// zone reads a datetime.timezone: its offset, maybe a name.
func zone(args []any) any {
	if len(args) == 0 || len(args) > 2 {
		return nil
	}
	o, ok := args[0].(*object)
	if !ok {
		return nil
	}
	offset, ok := o.made.(time.Duration)
	if !ok || offset <= -dayLength || offset >= dayLength || offset%time.Second != 0 {
		return nil
	}
	if offset == 0 {
		return time.UTC
	}
	return time.FixedZone(fmt.Sprint(offset), int(offset/time.Second))
}
