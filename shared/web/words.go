package web

import (
	"fmt"
	"time"
)

// Moment is a time in the past and the time from which we look at it. A server
// does not know the reader's time zone, so it says how long ago something was,
// and leaves the exact time to the time element.
type Moment struct{ At, Now time.Time }

const day = 24 * time.Hour

// Words is how long ago the moment was. What lies a month back or more is a
// date. A moment in the future, by a clock that differs, is just now.
func (m Moment) Words() string {
	ago := m.Now.Sub(m.At)
	switch {
	case ago < time.Minute:
		return "just now"
	case ago < time.Hour:
		return count(ago, time.Minute, "minute") + " ago"
	case ago < day:
		return count(ago, time.Hour, "hour") + " ago"
	case ago < 30*day:
		return count(ago, day, "day") + " ago"
	default:
		return "on " + m.At.Format("2 January 2006")
	}
}

// Machine is the moment as a time element writes it.
func (m Moment) Machine() string { return m.At.Format(time.RFC3339) }

// Exact is the moment to the minute.
func (m Moment) Exact() string { return m.At.Format("2 January 2006, 15:04 MST") }

// waiting is a time to wait, rounded up: who waits that long has waited long
// enough.
func waiting(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d <= 90*time.Second:
		return count(d+time.Second-1, time.Second, "second")
	default:
		return count(d+time.Minute-1, time.Minute, "minute")
	}
}

// count is how many whole units fit into d.
func count(d, unit time.Duration, name string) string {
	n := int64(d / unit)
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}
