package web

import (
	"fmt"
	"time"
)

// Moment is a time in the past and the current time. The server does not know the time
// zone of the reader, so a page says how long ago something was, and the time element
// has the exact time.
type Moment struct{ At, Now time.Time }

const day = 24 * time.Hour

// Words returns how long ago the moment was, or its date after 30 days. A moment in the
// future, from a clock that differs, is "just now".
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

// Machine returns the moment in the format of a time element.
func (m Moment) Machine() string { return m.At.Format(time.RFC3339) }

// Exact returns the moment to the minute.
func (m Moment) Exact() string { return m.At.Format("2 January 2006, 15:04 MST") }

// waiting returns a time to wait, rounded up so that it is never too short.
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

// count returns the number of whole units in d, with the name of the unit.
func count(d, unit time.Duration, name string) string {
	n := int64(d / unit)
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}
