package web_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/web/webtest"
)

// render returns the header and the body of the answer with a page.
func render(page web.Page) (http.Header, string) {
	w := httptest.NewRecorder()
	web.Render(w, http.StatusOK, page)
	return w.Header(), w.Body.String()
}

// scripts matches script elements without attributes, which load nothing.
var scripts = regexp.MustCompile(`(?s)<script>(.*?)</script>`)

var styles = regexp.MustCompile(`(?s)<style>(.*?)</style>`)

// policy returns the wanted policy of a page: the hash of its style, and the other server
// to which its form leads.
func policy(t *testing.T, body, to string) string {
	t.Helper()
	found := styles.FindAllStringSubmatch(body, -1)
	if len(found) != 1 {
		t.Fatalf("the page has %d style elements, want 1:\n%s", len(found), body)
	}
	return "default-src 'none'; style-src " + hash(found[0][1]) + "; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'" + to
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// TestPolicyAllowsOnlyWhatThePageHas: the policy names the style and the script by their
// hashes and the target of the form, and the page needs no more.
func TestPolicyAllowsOnlyWhatThePageHas(t *testing.T) {
	loads := regexp.MustCompile(`(?i)<(script|iframe|object|embed|img|base|audio|video|portal)\b|\bon[a-z]+=|\bstyle=|\bsrc=|@import|url\(|\b(href|action|formaction)="https?:`)
	for name, page := range webtest.Gallery() {
		header, body := render(page)
		to := ""
		switch p := page.(type) {
		case web.Login:
			to = p.To
		case web.SecondStep:
			to = p.To
		case web.Consent:
			to = p.To
		case web.Logout:
			to = p.To
		}
		if to != "" {
			to = " " + to
		}
		want := policy(t, body, to)
		for _, script := range scripts.FindAllStringSubmatch(body, -1) {
			want += "; script-src " + hash(script[1])
		}
		if got := header.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: policy = %s, want %s", name, got, want)
		}
		if got := loads.FindString(scripts.ReplaceAllString(body, "")); got != "" {
			t.Errorf("%s has %q in it, which its policy forbids", name, got)
		}
	}
}

// TestFormPostSendsItselfToItsAddress: the page has the script that sends the form, and a
// button that does the same. The form leads to exactly the address of the page.
func TestFormPostSendsItselfToItsAddress(t *testing.T) {
	const action = "https://app.example.com/cb(1)?a=b&c='d'%2Fe"
	page := web.FormPost{Action: action, To: "https://app.example.com", Fields: []web.Field{
		{Name: "code", Value: "tsc_x"}, {Name: "state", Value: `"><script>alert(1)</script>`},
	}}
	header, body := render(page)
	scripts := regexp.MustCompile(`(?s)<script[^>]*>(.*?)</script>`).FindAllStringSubmatch(body, -1)
	if len(scripts) != 1 || scripts[0][1] != "document.forms[0].submit()" {
		t.Fatalf("the page has the scripts %q, want the one that sends the form", scripts)
	}
	want := policy(t, body, " https://app.example.com") + "; script-src " + hash(scripts[0][1])
	if got := header.Get("Content-Security-Policy"); got != want {
		t.Errorf("policy = %s, want %s", got, want)
	}
	sent := regexp.MustCompile(`<form method="post" action="([^"]*)"`).FindStringSubmatch(body)
	if len(sent) != 2 || html.UnescapeString(sent[1]) != action {
		t.Errorf("the form goes to %q, want %q", sent, action)
	}
	for _, want := range []string{`name="code" value="tsc_x"`, `name="state" value="&#34;&gt;&lt;script&gt;`, `<button class="main">Continue</button>`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s:\n%s", want, body)
		}
	}
	for _, hostile := range []string{"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "com.example.app:/cb", ""} {
		if _, body := render(web.FormPost{Action: hostile}); !strings.Contains(body, `action=""`) {
			t.Errorf("a form to %q has it in the page:\n%s", hostile, body)
		}
	}
}

// TestHeadersKeepTheOriginOfForms: with no-referrer browsers would post our forms with the
// origin "null", which does not prove that they come from our pages.
func TestHeadersKeepTheOriginOfForms(t *testing.T) {
	w := httptest.NewRecorder()
	web.Render(w, http.StatusTooManyRequests, web.Login{})
	if w.Code != http.StatusTooManyRequests {
		t.Errorf("status = %d, want 429", w.Code)
	}
	for name, want := range map[string]string{
		"Content-Type":                 "text/html; charset=utf-8",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if header, _ := render(web.Message{}); header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("a page without a form has the Referrer-Policy %q, want no-referrer", header.Get("Referrer-Policy"))
	}
}

// TestEverythingIsText fills every text of every page with markup. None of it reaches the
// browser as markup, and no link leads to a script.
func TestEverythingIsText(t *testing.T) {
	for _, hostile := range []string{`"><i>`, `'><i>`, `</title><i>`, `</style><i>`, `<i>`, "javascript:alert(1)", `" autofocus onfocus="alert(1)`} {
		for name, page := range webtest.Gallery() {
			_, body := render(fill(page, hostile))
			if strings.Contains(body, "<i>") || strings.Contains(body, `href="javascript:`) || strings.Contains(body, `" onfocus="`) {
				t.Errorf("%s with %s in every text has it in the page as it is", name, hostile)
			}
			_, clean := render(page)
			if got, want := strings.Count(body, "<form"), strings.Count(clean, "<form"); got > want {
				t.Errorf("%s with %s in every text has %d forms, want at most %d", name, hostile, got, want)
			}
		}
	}
}

// fill returns a copy of a page with text in every string.
func fill(page web.Page, text string) web.Page {
	v := reflect.New(reflect.TypeOf(page)).Elem()
	v.Set(reflect.ValueOf(page))
	replace(v, text)
	return v.Interface().(web.Page)
}

func replace(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Slice:
		grown := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(grown, v)
		for i := range grown.Len() {
			replace(grown.Index(i), text)
		}
		v.Set(grown)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			replace(v.Field(i), text)
		}
	}
}

// TestPagesAreSmall: a compressed page with its style and script arrives in one or two round
// trips. The account page with the maximum of everything is larger, and has its own bar.
func TestPagesAreSmall(t *testing.T) {
	for name, page := range webtest.Gallery() {
		bar := 10_000
		if name == "account-full" {
			bar = 30_000
		}
		_, body := render(page)
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if packed.Len() > bar {
			t.Errorf("%s weighs %d bytes compressed, %d otherwise, want at most %d", name, packed.Len(), len(body), bar)
		}
	}
}

// TestPagesSayWhatPeopleNeed looks for the texts and fields that a person, or a screen
// reader, must find on a page.
func TestPagesSayWhatPeopleNeed(t *testing.T) {
	gallery := webtest.Gallery()
	for name, wants := range map[string][]string{
		"login": {
			"<title>Sign in – Tipstaff</title>", `<label for="user_name">`, `<label for="password">`,
			`autocomplete="username webauthn"`, `autocomplete="current-password"`, `name="csrf" value="t"`,
		},
		"login-wrong": {
			"<title>Error: Sign in – Tipstaff</title>", web.WrongPassword, `value="ada"`,
			`aria-invalid="true" aria-describedby="problem"`, `id="problem" role="alert"`,
		},
		"login-throttled": {web.TooManyTries + " Try again in 32 seconds."},
		"login-expired":   {web.ExpiredForm, `name="return" value="/account"`},
		"login-for-app":   {`name="to" value="https://app.example.com"`, `name="user_name" value="ada"`},
		"consent": {
			"<title>Allow Orders to access your account? – Tipstaff</title>", "<h1>Allow Orders to access your account?</h1>", "will be able to:", "<b>Ada Lovelace</b>", "<h2>Order API</h2>", "<li>See your orders</li>",
			"<b>orders.example.com</b>", `action="/authorize"`, `name="csrf" value="t"`, `name="decision" value="allow"`, `name="decision" value="deny"`,
		},
		"consent-sign-in":  {"<h1>Allow Billing to sign you in?</h1>", "will be able to:"},
		"consent-nothing":  {"<h1>Allow Orders to sign you in?</h1>", "will only know that you signed in."},
		"consent-expired":  {"<title>Error: Allow Orders to access your account?", `role="alert">` + web.ExpiredForm},
		"consent-unvetted": {"This application registered itself and chose its name. We have not checked who runs it."},
		"consent-document": {"It belongs to <b>tools.example.org</b>."},
		"unanswered":       {"<title>This request is not valid", "redirect_uri is not registered", `role="alert"`},
		"account": {
			">Ada Lovelace</h1>", "Current session", `<time datetime="2026-11-22T11:35:00Z" title="22 November 2026, 11:35 UTC">25 minutes ago</time>`,
			`name="id" value="02"`, `value="end"`, `value="end-others"`, `value="sign-out"`, "2001:db8:7::/48", "Unknown device",
			`End session<span class="away"> of Safari on iPhone, Orders, last used 25 minutes ago</span>`,
		},
		"account-alone":   {"You have no other sessions."},
		"account-ended":   {"<title>" + web.SessionEnded + " – Your account – Tipstaff</title>", `role="status">` + web.SessionEnded},
		"account-expired": {"<title>Error: Your account", `role="alert">` + web.ExpiredForm, "This browser"},
		"logout-expired":  {"<title>Error: Sign out", `role="alert">` + web.ExpiredForm},
		"logout":          {`action="/logout"`, "<b>Ada Lovelace</b>"},
		"message-problem": {`role="alert"`, "JKJaXmPLvHcESHA="},
	} {
		_, body := render(gallery[name])
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s:\n%s", name, want, body)
			}
		}
	}
	for name, unwanted := range map[string]string{
		"login":           "aria-describedby",
		"login-throttled": `aria-invalid="true"`,
		"account-alone":   `value="end-others`,
		"consent":         "registered itself",
		"unanswered":      "example",
		"message":         "Reference",
	} {
		if _, body := render(gallery[name]); strings.Contains(body, unwanted) {
			t.Errorf("%s has %s in it", name, unwanted)
		}
	}
}

// TestCurrentSessionHasNoEndButton: people sign out of the current session instead.
func TestCurrentSessionHasNoEndButton(t *testing.T) {
	_, body := render(webtest.Gallery()["account"])
	if strings.Contains(body, `name="id" value="01"`) {
		t.Error("the current session has a button to end it")
	}
	if got := strings.Count(body, "Current session"); got != 1 {
		t.Errorf("%d sessions are marked as this one, want 1", got)
	}
}

// BenchmarkAccount measures what a page costs its function.
func BenchmarkAccount(b *testing.B) {
	page := webtest.Gallery()["account"]
	for b.Loop() {
		render(page)
	}
}
