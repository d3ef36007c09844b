package web_test

import (
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/web/webtest"
)

// TestLinkPagesSayWhatPeopleNeed looks for the texts and fields that a person, or a screen
// reader, must find on the pages of one-time links.
func TestLinkPagesSayWhatPeopleNeed(t *testing.T) {
	gallery := webtest.Gallery()
	link := `name="link" value="tsl_AAAA"`
	for name, wants := range map[string][]string{
		"invitation": {
			"<title>You are invited – Tipstaff</title>", link, `name="csrf" value="t"`, `<label for="user_name">`, `<label for="name">`,
			"choose a username, and then how you sign in.", `aria-describedby="user_name_is"`,
		},
		"invitation-upstreams": {
			"<h2>Or use an account that you already have</h2>", `href="/upstream/google?invite=tsl_AAAA">Continue with Google`, "<b>ada@example.com</b>", `value="Ada Lovelace"`,
		},
		"invitation-taken": {
			"<title>Error: You are invited", `role="alert">` + web.TakenUserName, `aria-describedby="problem user_name_is" aria-invalid="true"`,
		},
		"invitation-name": {web.BadName, `maxlength="200" autofocus aria-describedby="problem" aria-invalid="true"`},
		"choose-invited": {
			"<title>Choose how you sign in – Tipstaff</title>", `action="/invite" data-passkey="create" data-options="{`, link, `name="step" value="choose"`,
			"Your username is <b>ada</b>. Choose a passkey or a password to create your account.", `name="user_name" value="ada"`, `name="name" value="Ada Lovelace"`, "<h2>Passkey</h2>", "<h2>Password</h2>",
			`data-go hidden>Create a passkey`, `<label for="again">`,
		},
		"choose": {
			`action="/recover"`, "Your username is <b>ada</b>", "signs you in here and signs you out everywhere else", "Your other ways to sign in stay", "remove it on your account page",
		},
		"choose-weak":        {"This password is shorter than 8 characters. Choose another one.", `aria-describedby="problem rule" aria-invalid="true"`},
		"choose-different":   {web.DifferentPasswords, `name="again" type="password" autocomplete="new-password" aria-describedby="problem" aria-invalid="true"`},
		"choose-no-passkey":  {web.TooManyPasskeys, "<h2>Password</h2>", `<button class="main">Use this password`},
		"choose-code":        {`<label for="code">`, `autocomplete="one-time-code"`, "ask your administrator for a link that removes the app."},
		"choose-wrong-code":  {web.WrongCode, `aria-describedby="problem code_is" aria-invalid="true"`},
		"choose-throttled":   {web.TooManyTries + " Try again in 32 seconds."},
		"choose-made":        {"Your passkey is ready, <b>ada</b>. Enter your code to finish.", `name="passkey" value="{}"`, `<button class="main">Continue`},
		"link-unknown":       {"It may be incomplete", `href="/recover"`},
		"link-expired":       {"Nothing has changed", `href="/recover"`},
		"link-overtaken":     {"another link was used", `href="/recover"`},
		"link-used":          {"sign in with what you chose", "tell your administrator at once", `href="/login"`},
		"invitation-unknown": {"Ask for a new invitation."},
		"invitation-expired": {"Ask for a new invitation."},
	} {
		_, body := render(gallery[name])
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s:\n%s", name, want, body)
			}
		}
	}
	for name, unwanted := range map[string]string{
		"invitation":         "Or use an account",
		"choose":             `name="code"`,
		"choose-made":        "<script>",
		"choose-no-passkey":  `data-passkey="create"`,
		"choose-code":        `aria-invalid="true"`,
		"invitation-expired": `href="/recover"`,
	} {
		if _, body := render(gallery[name]); strings.Contains(body, unwanted) {
			t.Errorf("%s has %s in it", name, unwanted)
		}
	}
}
