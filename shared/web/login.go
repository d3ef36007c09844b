package web

import (
	"html/template"
	"net/url"
	"strconv"
	"time"
)

// Login is the sign-in page. It has two forms, which post return, to, why and acr to
// /login as they are here. One posts passkey, the response of a passkey, and the other one
// csrf, user_name and password. Between them are links to the upstreams.
type Login struct {
	CSRF string
	// UserName is the username of the last form, or a hint from an application.
	UserName string
	// Return is the path after the sign-in. To is the source to which that path may
	// redirect, such as "https://app.example.com", or empty for none.
	Return, To string
	// Problem says why the last form failed. It is empty on the first one.
	Problem string
	// RetryAfter is the time to wait before the next try.
	RetryAfter time.Duration
	// Passkey are the request options for the browser, as JSON.
	Passkey string
	// Upstreams are the issuers at which the person may have an account.
	Upstreams []Upstream
	// Confirm means that a person confirms who they are before a change. Who is the
	// username of the person who is signed in. It is empty without a session.
	Confirm bool
	Who     string
	// Passwordless means that Who has no password.
	Passwordless bool
	// Strong means that the application asks for a passkey or two steps.
	Strong bool
}

// Upstream is an issuer at which people may have an account.
type Upstream struct{ ID, Name string }

// The problems of a sign-in, besides those that forms have in common.
const (
	WrongCode    = "Incorrect code. Each code works once, so wait for the next one. If it happens again, check the clock of your phone."
	SlowPasskey  = "That took too long. Try again." //nolint:gosec // G101: a text, no credential
	WrongPasskey = "This passkey did not work. Try again. If you removed it from your account, sign in another way."
)

func (Login) template() string { return "login" }

func (p Login) target() string { return p.To }

func (Login) script() template.JS {
	return template.JS(passkeyScript) //nolint:gosec // G203: the script is our own file
}

// Heading is the title without the problem.
func (p Login) Heading() string {
	if p.Confirm {
		return "Confirm that it's you"
	}
	return "Sign in"
}

func (p Login) title() string {
	return titleOf(p.Problem, p.Heading())
}

// Rejected reports whether the username or the password is the problem.
func (p Login) Rejected() bool { return p.Problem == WrongPassword }

// Offers reports whether the script lists passkeys below a field by itself, which is a
// conditional request. A page with a problem does not: a device that answers conditional
// requests at once would post the same form, and get the same problem, without end. Its
// button works. Without a password there is no field.
func (p Login) Offers() bool { return p.Problem == "" && !p.Passwordless }

// Wait is RetryAfter in words. It is empty when there is no wait.
func (p Login) Wait() string { return waiting(p.RetryAfter) }

// UpstreamPath is the path of a sign-in at an upstream with the same path after it.
func (p Login) UpstreamPath(u Upstream) string {
	return "/upstream/" + url.PathEscape(u.ID) + "?" + p.onward().Encode()
}

// Other is the path of a sign-in with another account.
func (p Login) Other() string { return "/login?" + p.onward().Encode() }

func (p Login) onward() url.Values {
	q := url.Values{}
	if p.Return != "" {
		q.Set("return", p.Return)
	}
	if p.To != "" {
		q.Set("to", p.To)
	}
	return q
}

// SecondStep asks for a code from an authenticator app, or a recovery code. It posts step,
// return, to and code to /login.
type SecondStep struct {
	// Step is the sealed first step, which comes back as it is. Who is the username of
	// the person.
	Step, Who string
	// Return and To are as in [Login].
	Return, To string
	// Problem says why the last form failed. It is empty on the first one.
	Problem string
	// RetryAfter is the time to wait before the next try.
	RetryAfter time.Duration
}

func (SecondStep) template() string { return "second-step" }

func (p SecondStep) target() string { return p.To }

func (p SecondStep) title() string {
	return titleOf(p.Problem, "Enter your code")
}

// Rejected reports whether the code is the problem.
func (p SecondStep) Rejected() bool { return p.Problem == WrongCode }

// Wait is RetryAfter in words. It is empty when there is no wait.
func (p SecondStep) Wait() string { return waiting(p.RetryAfter) }

// Other is the path of a sign-in with another account.
func (p SecondStep) Other() string { return Login{Return: p.Return, To: p.To}.Other() }

// SwitchedOff is the page for a person who has proved who they are and has a disabled
// account.
func SwitchedOff(reference string) Message {
	return Message{
		Title: "Your account is disabled", Problem: true, Reference: reference,
		Text: "You cannot sign in at the moment. Ask your administrator to enable your account. Nothing was deleted.",
	}
}

// BeginAgain is the page for a sign-in that took too long, or that a change of the account
// made invalid. It leads to a new sign-in.
func BeginAgain(path string) Message {
	return Message{
		Title: "Sign in again", Problem: true,
		Text: "Your sign-in took too long, or your account changed in the meantime. Sign in again to continue.",
		Link: Link{Path: path, Text: "Sign in"},
	}
}

// CodesLeft is the page after a sign-in with a recovery code. It says how many codes are
// left, and leads to path.
func CodesLeft(left int, path string) Message {
	m := Message{
		Title: "You are signed in", Link: Link{Path: path, Text: "Continue"},
		Text: "You used a recovery code. You have " + codes(left) + " left.",
	}
	switch {
	case left == 0:
		m.Text = "You used your last recovery code. Create new ones on your account page. Without them you cannot sign in if you lose your authenticator app."
	case left <= 3:
		m.Text += " Create new ones on your account page before you run out."
	}
	return m
}

func codes(n int) string {
	if n == 1 {
		return "1 recovery code"
	}
	return strconv.Itoa(n) + " recovery codes"
}
