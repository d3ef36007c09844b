package web_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/web/webtest"
)

// TestAccountWords holds the account pages to what a person must find.
func TestAccountWords(t *testing.T) {
	gallery := webtest.Gallery()
	for name, wants := range map[string][]string{
		"account": {
			`<h2 id="ways">How you sign in</h2>`, "iCloud Keychain", "On several devices", "Never used", `value="rename-passkey"`, `value="remove-passkey"`,
			"Change the password", `value="remove-password"`, "9 recovery codes left", "GitHub: adalovelace", `href="/upstream/google?link=t"`,
			"<h3>Orders</h3>", "What it may do", "<h4>Order API</h4>", "See your orders", "It may know that you were here, and nothing else.",
			`<h2 id="activity">Recent activity</h2>`, "80 times within an hour <span class=\"badge bad\">Refused</span>",
		},
		"account-new":     {"You have none, and need none.", "Set the password", "Set up an app", "You have let in no application.", "Nothing has happened yet.", "the only way in which you can sign in"},
		"account-last":    {"Cannot be used at present", "No recovery code left", "Google: ada@example.com"},
		"passkey-add":     {`data-passkey="create"`, `data-go hidden`, `data-note role="status"`, `class="problem without"`, `name="action" value="add-passkey"`},
		"passkey-expired": {"<title>Problem: Add a passkey", `role="alert"`, `aria-describedby="problem name-hint"`},
		"password-set":    {"<h1>Set a password</h1>", "You can then sign in with your user name"},
		"password-change": {"<h1>Change your password</h1>", "You stay signed in here.", `value="ada" autocomplete="username"`},
		"password-weak":   {"<title>Problem: Change your password", `aria-describedby="problem rule" aria-invalid="true"`},
		"otp-add":         {`viewBox="0 0 49 49" role="img" aria-label=`, `href="otpauth://totp/`, "JBSW Y3DP"},
		"otp-wrong":       {`aria-invalid="true" aria-describedby="problem"`},
		"codes-new":       {"The 3 from before do not work any more then."},
		"codes-new-none":  {"You have used all that you had."},
		"codes-shown":     {"<li><code>k3t7-zq2a-mm5d-x6va</code></li>", "only now"},
	} {
		_, body := render(gallery[name])
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s:\n%s", name, want, body)
			}
		}
	}
	for name, unwanted := range map[string]string{
		"account":         "the only way",
		"account-new":     `value="remove-`,
		"account-last":    `value="remove-passkey"`,
		"otp-late":        `aria-invalid="true"`,
		"passkey-add":     `aria-describedby="problem`,
		"password-change": `aria-invalid="true"`,
	} {
		if _, body := render(gallery[name]); strings.Contains(body, unwanted) {
			t.Errorf("%s has %s in it", name, unwanted)
		}
	}
	// Of two linked accounts, of which one cannot be used, the other stays.
	_, body := render(gallery["account-last"])
	if strings.Contains(body, `name="id" value="l1"`) || !strings.Contains(body, `name="id" value="l2"`) {
		t.Error("the page offers to unlink the only way in, or not to unlink what is none")
	}
}

// TestAppLink: the link that opens an app on the same device leads to an app and to
// nothing else.
func TestAppLink(t *testing.T) {
	link := regexp.MustCompile(`<a href="([^"]*)">open it`)
	const uri = "otpauth://totp/auth.example.com:ada?secret=ABC&issuer=auth.example.com"
	_, body := render(web.AddOTP{URI: uri})
	if found := link.FindStringSubmatch(body); len(found) != 2 || html.UnescapeString(found[1]) != uri {
		t.Errorf("the page links to %q, want %s", found, uri)
	}
	for _, hostile := range []string{"", "javascript:alert(1)", "https://evil.example", "otpauth:evil", "OTPAUTH://totp/x"} {
		if _, body := render(web.AddOTP{URI: hostile}); link.MatchString(body) {
			t.Errorf("%q: the page has a link: %s", hostile, link.FindString(body))
		}
	}
	if _, body := render(web.AddOTP{URI: `otpauth://totp/"><i>`}); strings.Contains(body, "<i>") {
		t.Error("the link breaks out of its attribute")
	}
}

// TestWays: the page counts the ways in as the route does.
func TestWays(t *testing.T) {
	one, off := web.LinkedAccount{ID: "1"}, web.LinkedAccount{ID: "2", Off: true}
	for _, tt := range []struct {
		name string
		ways web.Ways
		want int
	}{
		{"none", web.Ways{}, 0},
		{"an app is none", web.Ways{OTP: true, CodesLeft: 10}, 0},
		{"a password", web.Ways{Password: true, OTP: true}, 1},
		{"an account elsewhere", web.Ways{Linked: []web.LinkedAccount{one, off}}, 1},
		{"one of each", web.Ways{Password: true, Passkeys: []web.Passkey{{}}, Linked: []web.LinkedAccount{one}}, 3},
	} {
		if got := tt.ways.Count(); got != tt.want || tt.ways.Last() != (tt.want <= 1) {
			t.Errorf("%s: Count = %d and Last = %v, want %d", tt.name, got, tt.ways.Last(), tt.want)
		}
	}
}
