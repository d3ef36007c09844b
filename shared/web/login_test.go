package web_test

import (
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/web/webtest"
)

// TestSignInPagesHaveTheirPartsInOrder looks for the texts and fields that a person, or a
// screen reader, must find on the sign-in pages, in this order.
func TestSignInPagesHaveTheirPartsInOrder(t *testing.T) {
	gallery := webtest.Gallery()
	for name, wants := range map[string][]string{
		"login": {
			"<h1>Sign in</h1>", `data-passkey="get"`, `<input type="hidden" name="return" value="/account">`, `<input type="hidden" name="passkey">`,
			`data-go hidden>Sign in with a passkey</button>`, `data-note role="status"`,
			`<a class="button" href="/upstream/google?return=%2Faccount">Continue with Google</a>`, `Continue with GitHub`,
			`name="csrf"`, `<label for="user_name">`, `autocomplete="username webauthn"`, `<label for="password">`, "<button>Sign in</button>",
			`<a href="/recover">Can't sign in?</a>`, "<script>", "navigator.credentials",
		},
		"login-for-app": {
			"asks for a passkey, or for a code", "to=https%3A%2F%2Fapp.example.com", `name="acr" value="aal2"`, `name="user_name" value="ada"`,
		},
		"login-confirm": {
			"<h1>Confirm that it&#39;s you</h1>", "<b>ada</b>", `<a href="/login?return=%2Faccount">Not you?</a>`, `name="why" value="confirm"`,
			`name="user_name" value="ada" autocomplete="username" tabindex="-1"`, `autocomplete="current-password webauthn"`, "<button>Confirm</button>",
		},
		"login-unsure":   {"<h1>Confirm that it&#39;s you</h1>", "Sign in to continue.", `<label for="user_name">`},
		"login-passkey":  {"<title>Error: Sign in", `role="alert">` + web.WrongPasskey},
		"step":           {"<title>Enter your code – Tipstaff</title>", "<b>ada</b>", `name="step" value="tsx_t"`, `<label for="code">`, `inputmode="numeric" autocomplete="one-time-code"`, "<summary>Use a recovery code</summary>", `name="step" value="tsx_t"`, `<label for="recovery">`, `name="code"`, `href="/login?return=`},
		"step-wrong":     {"<title>Error: Enter your code", `id="problem" role="alert">` + web.WrongCode, `aria-invalid="true" aria-describedby="problem"`},
		"step-throttled": {web.TooManyTries + " Try again in 32 seconds."},
		"step-expired":   {"<title>Sign in again", `href="/login?return=%2Faccount"`},
		"step-codes":     {"You have 2 recovery codes left. Create new ones", `href="/account"`},
		"switched-off":   {"<title>Your account is disabled", "Ask your administrator", "JKJaXmPLvHcESHA="},
	} {
		_, body := render(gallery[name])
		rest := body
		for _, want := range wants {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Fatalf("%s lacks %s in its place:\n%s", name, want, body)
			}
			rest = after
		}
	}
	for name, unwanted := range map[string]string{
		"login":          "autofocus",
		"login-plain":    "Continue with",
		"login-confirm":  `<label for="user_name">`,
		"login-unsure":   `href="/recover"`,
		"login-bare":     `type="password"`,
		"step":           "<script",
		"step-throttled": `aria-invalid="true"`,
	} {
		if _, body := render(gallery[name]); strings.Contains(body, unwanted) {
			t.Errorf("%s has %s in it", name, unwanted)
		}
	}
}
