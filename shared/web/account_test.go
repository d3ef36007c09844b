package web_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/web/webtest"
)

// TestAccountPagesSayWhatPeopleNeed looks for the texts and fields that a person, or a
// screen reader, must find on the account pages.
func TestAccountPagesSayWhatPeopleNeed(t *testing.T) {
	gallery := webtest.Gallery()
	for name, wants := range map[string][]string{
		"account": {
			`<h2 id="ways">How you sign in</h2>`, "iCloud Keychain", "Synced", "Never used", `value="rename-passkey"`, `value="remove-passkey"`,
			"Change password", `value="remove-password"`, "9 recovery codes left", "GitHub: adalovelace", `href="/upstream/google?link=t"`,
			"<h3>Orders</h3>", "Permissions", "<h4>Order API</h4>", "See your orders", "It only knows that you signed in.",
			`<h2 id="activity">Recent activity</h2>`, "80 times within an hour <span class=\"badge bad\">Failed</span>",
		},
		"account-new":     {"You have no password, and you need none.", "Set a password", "Set up an app", "No applications yet.", "No activity yet.", "This is your only way to sign in."},
		"account-last":    {"Not available at the moment", "No recovery codes left", "Google: ada@example.com"},
		"passkey-add":     {`data-passkey="create"`, `data-go hidden`, `data-note role="status"`, `class="problem without"`, `name="action" value="add-passkey"`},
		"passkey-expired": {"<title>Error: Add a passkey", `role="alert"`, `aria-describedby="problem name-hint"`},
		"password-set":    {"<h1>Set a password</h1>", "You can then also sign in with your username"},
		"password-change": {"<h1>Change your password</h1>", "You stay signed in here.", `value="ada" autocomplete="username"`},
		"password-weak":   {"<title>Error: Change your password", `aria-describedby="problem rule" aria-invalid="true"`},
		"otp-add":         {`viewBox="0 0 49 49" role="img" aria-label=`, `href="otpauth://totp/`, "JBSW Y3DP"},
		"otp-wrong":       {`aria-invalid="true" aria-describedby="problem"`},
		"codes-new":       {"Your 3 old codes stop working."},
		"codes-new-none":  {"You have used all of your old codes."},
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
		"account":         "your only way",
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
	// Of two connected accounts, one of which is not available, the other one stays.
	_, body := render(gallery["account-last"])
	if strings.Contains(body, `name="id" value="l1"`) || !strings.Contains(body, `name="id" value="l2"`) {
		t.Error("the page offers to disconnect the only way to sign in, or does not offer it for the other one")
	}
}

// TestAppLinkOpensOnlyAnApp: the link that opens an app on the same device has no other
// scheme.
func TestAppLinkOpensOnlyAnApp(t *testing.T) {
	link := regexp.MustCompile(`<a href="([^"]*)">open the app`)
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

// TestWaysCountsWhatSignsIn: the page counts the ways to sign in as the route does.
func TestWaysCountsWhatSignsIn(t *testing.T) {
	one, off := web.ConnectedAccount{ID: "1"}, web.ConnectedAccount{ID: "2", Off: true}
	for _, tt := range []struct {
		name string
		ways web.Ways
		want int
	}{
		{"none", web.Ways{}, 0},
		{"an app is none", web.Ways{OTP: true, CodesLeft: 10}, 0},
		{"a password", web.Ways{Password: true, OTP: true}, 1},
		{"a connected account", web.Ways{Connected: []web.ConnectedAccount{one, off}}, 1},
		{"one of each", web.Ways{Password: true, Passkeys: []web.Passkey{{}}, Connected: []web.ConnectedAccount{one}}, 3},
	} {
		if got := tt.ways.Count(); got != tt.want || tt.ways.Last() != (tt.want <= 1) {
			t.Errorf("%s: Count = %d and Last = %v, want %d", tt.name, got, tt.ways.Last(), tt.want)
		}
	}
}
