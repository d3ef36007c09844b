package web_test

import (
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/web/webtest"
)

// TestRecoverWords holds the way of somebody who cannot sign in to what a person
// must find on it.
func TestRecoverWords(t *testing.T) {
	gallery := webtest.Gallery()
	for name, wants := range map[string][]string{
		"recover": {
			"<title>Can&#39;t sign in? – Tipstaff</title>", `<label for="user_name">`, `name="csrf" value="t"`, `autocomplete="username"`,
			`action="/recover"`, `href="/login"`, "Ask your administrator",
		},
		"recover-empty":     {"<title>Problem: Can&#39;t sign in?", `id="problem" role="alert">` + web.NoUserName, `aria-invalid="true" aria-describedby="problem"`},
		"recover-throttled": {web.TooManyTries + " Try again in 32 seconds.", `aria-describedby="problem"`},
		"recover-asked":     {"<title>Check your mail", "If somebody has this user name", "within 30 minutes", "administrator", `href="/login"`},
		"recover-elsewhere": {"Ask your administrator", "within 30 minutes", `href="/login"`},
	} {
		_, body := render(gallery[name])
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s:\n%s", name, want, body)
			}
		}
	}
	for name, unwanted := range map[string]string{
		"recover":           "aria-describedby",
		"recover-throttled": `aria-invalid="true"`,
		"recover-elsewhere": "<form",
	} {
		if _, body := render(gallery[name]); strings.Contains(body, unwanted) {
			t.Errorf("%s has %s in it", name, unwanted)
		}
	}
}
