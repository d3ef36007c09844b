package web_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/web"
)

// TestMomentSaysHowLongAgo: a page counts back in whole units, and gives the date after 30
// days.
func TestMomentSaysHowLongAgo(t *testing.T) {
	now := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		-time.Hour:                      "just now",
		0:                               "just now",
		59 * time.Second:                "just now",
		time.Minute:                     "1 minute ago",
		59*time.Minute + 59e9:           "59 minutes ago",
		time.Hour:                       "1 hour ago",
		24*time.Hour - 1:                "23 hours ago",
		24 * time.Hour:                  "1 day ago",
		30*24*time.Hour - 1:             "29 days ago",
		30 * 24 * time.Hour:             "on 23 October 2026",
		(365 + 22 + 1) * 24 * time.Hour: "on 30 October 2025",
	} {
		m := web.Moment{At: now.Add(-ago), Now: now}
		if got := m.Words(); got != want {
			t.Errorf("%s ago is %q, want %q", ago, got, want)
		}
	}
}

// TestWaitIsNeverTooShort: a page rounds the time to wait up.
func TestWaitIsNeverTooShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:            "",
		0:                       "",
		time.Millisecond:        "1 second",
		time.Second:             "1 second",
		1001 * time.Millisecond: "2 seconds",
		90 * time.Second:        "90 seconds",
		91 * time.Second:        "2 minutes",
		2*time.Minute + 1:       "3 minutes",
		15 * time.Minute:        "15 minutes",
	} {
		_, body := render(web.Login{Problem: web.TooManyTries, RetryAfter: d})
		told := strings.Contains(body, "Try again in "+want+".")
		if want == "" {
			told = !strings.Contains(body, "Try again in")
		}
		if !told {
			t.Errorf("the page with %s to wait does not say %q", d, want)
		}
	}
}
