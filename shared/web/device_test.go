package web_test

import (
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/web/webtest"
)

// TestDevicePagesSayWhatPeopleNeed looks for the texts and fields that a person, or a
// screen reader, must find on the pages of a device.
func TestDevicePagesSayWhatPeopleNeed(t *testing.T) {
	gallery := webtest.Gallery()
	for name, wants := range map[string][]string{
		"device": {
			"<title>Connect a device – Tipstaff</title>", `<label for="user_code">`, `name="csrf" value="t"`, `autocapitalize="characters"`, `value=""`,
		},
		"device-wrong": {
			"<title>Error: Connect a device", `id="problem" role="alert">` + web.ForeignLetters, `value="WDJB-MJH0"`,
			`aria-invalid="true" aria-describedby="problem"`,
		},
		"device-throttled": {web.TooManyTries + " Try again in 32 seconds.", `aria-describedby="problem"`},
		"device-request": {
			"<title>Allow Orders TV to access your account? – Tipstaff</title>", "<b>Ada Lovelace</b>", "<h2>Order API</h2>", "<li>See your orders</li>", "198.51.100.0/24",
			"<code>WDJB-MJHT</code>", "2 minutes ago", `name="csrf" value="t"`, `name="user_code" value="WDJB-MJHT"`,
			`name="request" value="01JD9ZQZ7M3S9T6W9B0V5K8XYZ"`, `name="decision" value="allow"`, `name="decision" value="deny"`,
		},
		"device-third":    {"This application belongs to a third party."},
		"device-unvetted": {"<h1>Allow Orders TV to sign you in?</h1>", "This application registered itself and chose its name. It belongs to <b>tools.example.org</b>.", "Unknown app", "will only know that you signed in."},
		"device-allowed":  {"<title>Your device is connected", "It continues in a few seconds", `href="/account"`},
		"device-denied":   {"<title>Your device is not connected", "The device gets no access."},
	} {
		_, body := render(gallery[name])
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s:\n%s", name, want, body)
			}
		}
	}
	for name, unwanted := range map[string]string{
		"device":           "aria-describedby",
		"device-throttled": `aria-invalid="true"`,
		"device-request":   "registered itself",
		// These texts are no warnings.
		"device-third":    `class="problem"`,
		"device-unvetted": `class="problem"`,
		"device-long":     "third party",
	} {
		if _, body := render(gallery[name]); strings.Contains(body, unwanted) {
			t.Errorf("%s has %s in it", name, unwanted)
		}
	}
}
