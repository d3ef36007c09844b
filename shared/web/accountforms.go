package web

import (
	"html/template"
	"strings"
)

// AddPasskey creates a passkey for the person. It posts csrf, [ActionAddPasskey], name and
// passkey to /account. A script fills in passkey.
type AddPasskey struct {
	CSRF string
	// Options are the creation options for the browser, as JSON.
	Options string
	// Name is the name of the last form. It may stay empty.
	Name string
	// Problem says why the last form failed. It is empty on the first one.
	Problem string
}

// SetPassword asks for a new password. It posts csrf, [ActionSetPassword] and password to
// /account.
type SetPassword struct {
	CSRF string
	// UserName is for the password manager of the person.
	UserName string
	// Has means that the new password replaces another one.
	Has bool
	// Problem says why the last form failed. It is empty on the first one.
	Problem string
}

// AddOTP sets up an authenticator app. It posts csrf, [ActionAddOTP], setup and code to
// /account.
type AddOTP struct {
	CSRF string
	// Setup comes back with the form and proves that we made the secret.
	Setup string
	// Path draws a QR code of Size by Size squares.
	Path string
	Size int
	// URI is the content of the QR code, and Secret is the key for people who type it.
	URI, Secret string
	// Problem says why the last form failed. It is empty on the first one. Wrong means
	// that the code is the problem.
	Problem string
	Wrong   bool
}

// NewCodes asks whether to create new recovery codes. It posts csrf and [ActionNewCodes] to
// /account.
type NewCodes struct {
	CSRF string
	// Left is the number of unused old codes.
	Left int
}

// RecoveryCodes shows new recovery codes, once.
type RecoveryCodes struct {
	Codes []string
	// First means that the person has just set up an authenticator app.
	First bool
}

func (AddPasskey) template() string    { return "add-passkey" }
func (SetPassword) template() string   { return "set-password" }
func (AddOTP) template() string        { return "add-otp" }
func (NewCodes) template() string      { return "new-codes" }
func (RecoveryCodes) template() string { return "recovery-codes" }

func (p AddPasskey) title() string  { return titleOf(p.Problem, "Add a passkey") }
func (p SetPassword) title() string { return titleOf(p.Problem, p.Heading()) }
func (p AddOTP) title() string      { return titleOf(p.Problem, "Set up an authenticator app") }
func (NewCodes) title() string      { return "New recovery codes" }
func (RecoveryCodes) title() string { return "Your recovery codes" }

func (AddPasskey) script() template.JS { return template.JS(passkeyScript) } //nolint:gosec // G203: the script is our own file

// titleOf returns the title of a page, which says first whether the page has a problem.
func titleOf(problem, title string) string {
	if problem != "" {
		return "Error: " + title
	}
	return title
}

// Heading is the title without the problem.
func (p SetPassword) Heading() string {
	if p.Has {
		return "Change your password"
	}
	return "Set a password"
}

// Rejected reports whether the password is the problem.
func (p SetPassword) Rejected() bool { return p.Problem != "" && p.Problem != ExpiredForm }

// Rejected reports whether the code is the problem.
func (p AddOTP) Rejected() bool { return p.Wrong }

// Opens is URI as a link that opens an app on the same device. It is empty for a URI of
// another kind.
func (p AddOTP) Opens() template.URL {
	if !strings.HasPrefix(p.URI, "otpauth://totp/") {
		return ""
	}
	return template.URL(p.URI) //nolint:gosec // G203: its scheme runs no script
}
