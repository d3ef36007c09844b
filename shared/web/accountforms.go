package web

import (
	"html/template"
	"strings"
)

// AddPasskey makes a passkey for the person. It posts csrf, ActionAddPasskey, name
// and passkey, which a script fills in, to /account.
type AddPasskey struct {
	CSRF string
	// Options are for the browser, as JSON.
	Options string
	// Name is what was typed before. It may stay empty.
	Name string
	// Problem says why the last try did not work; empty on the first.
	Problem string
}

// SetPassword asks for a new password. It posts csrf, ActionSetPassword and
// password to /account.
type SetPassword struct {
	CSRF string
	// UserName is for the password manager of the person.
	UserName string
	// Has says that there is a password already, which the new one replaces.
	Has     bool
	Problem string
}

// AddOTP sets up an authenticator app. It posts csrf, ActionAddOTP, setup and code
// to /account.
type AddOTP struct {
	CSRF string
	// Setup comes back with the form, and says that the secret is ours.
	Setup string
	// Path draws a QR code of Size by Size squares, URI is what it says, and
	Path   string
	Size   int
	URI    string
	Secret string
	// Problem says why the last try did not work; empty on the first. Wrong
	// says that it was the code.
	Problem string
	Wrong   bool
}

// NewCodes asks whether the recovery codes are to be made anew. It posts csrf and
// ActionNewCodes to /account.
type NewCodes struct {
	CSRF string
	// Left is how many of the codes before were not used.
	Left int
}

// RecoveryCodes shows the codes, once.
type RecoveryCodes struct {
	Codes []string
	// First says that an authenticator app was set up just now.
	First bool
}

func (AddPasskey) template() string    { return "add-passkey" }
func (SetPassword) template() string   { return "set-password" }
func (AddOTP) template() string        { return "add-otp" }
func (NewCodes) template() string      { return "new-codes" }
func (RecoveryCodes) template() string { return "recovery-codes" }

func (p AddPasskey) title() string  { return troubled(p.Problem, "Add a passkey") }
func (p SetPassword) title() string { return troubled(p.Problem, p.Heading()) }
func (p AddOTP) title() string      { return troubled(p.Problem, "Set up an authenticator app") }
func (NewCodes) title() string      { return "New recovery codes" }
func (RecoveryCodes) title() string { return "Your recovery codes" }

// script talks to the passkey.
func (AddPasskey) script() template.JS { return template.JS(passkeyScript) } //nolint:gosec // G203: the script is our own file

// troubled is the title of a page with a problem, if there is one.
func troubled(problem, title string) string {
	if problem != "" {
		return "Problem: " + title
	}
	return title
}

// Heading says what the page does.
func (p SetPassword) Heading() string {
	if p.Has {
		return "Change your password"
	}
	return "Set a password"
}

// Rejected reports whether what was typed is wrong.
func (p SetPassword) Rejected() bool { return p.Problem != "" && p.Problem != ExpiredForm }

// Rejected reports whether what was typed is wrong.
func (p AddOTP) Rejected() bool { return p.Wrong }

// Opens is URI as a link that opens an app on the same device. It is nothing else
// than that, whatever URI is.
func (p AddOTP) Opens() template.URL {
	if !strings.HasPrefix(p.URI, "otpauth://totp/") {
		return ""
	}
	return template.URL(p.URI) //nolint:gosec // G203: of a scheme that runs nothing
}
