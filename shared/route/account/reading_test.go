package account_test

import (
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

// goes fails the test unless an answer sends the browser to a place.
func goes(t *testing.T, what string, got routetest.Answer, to string) {
	t.Helper()
	if got.Status != http.StatusSeeOther || got.Header.Get("Location") != to {
		t.Errorf("%s = %d to %q, want 303 to %q: %s", what, got.Status, got.Header.Get("Location"), to, main(got.Body))
	}
}

// says fails the test unless an answer is a page of that status with all these texts.
func says(t *testing.T, what string, got routetest.Answer, status int, texts ...string) {
	t.Helper()
	if got.Status != status {
		t.Errorf("%s = %d to %q, want %d: %s", what, got.Status, got.Header.Get("Location"), status, main(got.Body))
		return
	}
	for _, text := range texts {
		if !strings.Contains(got.Body, text) {
			t.Errorf("%s lacks %q: %s", what, text, main(got.Body))
		}
	}
}

var body = regexp.MustCompile(`(?s)<main.*</main>`)

// main is the text of the main element of a page.
func main(page string) string { return body.FindString(page) }

// confirmation is the address to which a user without a recent sign-in is redirected.
func confirmation(page string) string {
	return "/login?login_hint=ada&return=%2Faccount%3Fopen%3D" + page + "&why=confirm"
}

var (
	options = regexp.MustCompile(`data-options="([^"]*)"`)
	hidden  = regexp.MustCompile(`name="setup" value="([^"]*)"`)
	secrets = regexp.MustCompile(`[?&]secret=([A-Z2-7]+)`)
	codes   = regexp.MustCompile(`<li><code>([a-z2-7-]+)</code></li>`)
)

// one is the text that a page has for an expression.
func one(t *testing.T, page string, expression *regexp.Regexp) string {
	t.Helper()
	found := expression.FindStringSubmatch(page)
	if len(found) != 2 {
		t.Fatalf("the page has no %s: %s", expression, main(page))
	}
	return html.UnescapeString(found[1])
}

// code is what an app shows at a time.
func code(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	c, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func recoveryCodes(page string) []string {
	var all []string
	for _, m := range codes.FindAllStringSubmatch(page, -1) {
		all = append(all, m[1])
	}
	return all
}

// unlike is a code that an app shows neither at that time nor right before or after.
func unlike(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	var shown []string
	for _, off := range []time.Duration{-30 * time.Second, 0, 30 * time.Second} {
		shown = append(shown, code(t, secret, at.Add(off)))
	}
	for _, c := range []string{"000000", "000001", "000002", "000003"} {
		if !slices.Contains(shown, c) {
			return c
		}
	}
	panic("three codes are four")
}
