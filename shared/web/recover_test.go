package web_test

import (
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/web/webtest"
)

// TestRecoveryPagesSayWhatPeopleNeed looks for the texts and fields that a person, or a
// screen reader, must find on the pages for people who cannot sign in.
func TestRecoveryPagesSayWhatPeopleNeed(t *testing.T) {
	gallery := webtest.Gallery()
	for name, wants := range map[string][]string{
		"recover": {
			"<title>Can&#39;t sign in? – Tipstaff</title>", `<label for="user_name">`, `name="csrf" value="t"`, `autocomplete="username"`,
			`action="/recover"`, `href="/login"`, "Ask your administrator",
		},
		"recover-empty":         {"<title>Error: Can&#39;t sign in?", `id="problem" role="alert">` + web.NoUserName, `aria-invalid="true" aria-describedby="problem"`},
		"recover-throttled":     {web.TooManyTries + " Try again in 32 seconds.", `aria-describedby="problem"`},
		"recover-asked":         {"<title>Check your email", "If this username has an account", "within 30 minutes", "administrator", `href="/login"`},
		"recover-administrator": {"Ask your administrator", "within 30 minutes", `href="/login"`},
	} {
		_, body := render(gallery[name])
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s:\n%s", name, want, body)
			}
		}
	}
	for name, unwanted := range map[string]string{
		"recover":               "aria-describedby",
		"recover-throttled":     `aria-invalid="true"`,
		"recover-administrator": "<form",
	} {
		if _, body := render(gallery[name]); strings.Contains(body, unwanted) {
			t.Errorf("%s has %s in it", name, unwanted)
		}
	}
}
