package web

import (
	"html/template"
	"net/url"
	"strconv"
	"time"
)

// Login asks a person who they are. It has two forms, which post return, to, why and
// acr to /login as they are here: one with passkey, the answer of a passkey, and one
// with csrf, user_name and password. Between them are links to the upstreams.
type Login struct {
	CSRF string
	// UserName is what was typed before, or what an application knows.
	UserName string
	// Return is the path to go to afterwards, and To the source of where that
	// may lead on to, such as "https://app.example.com"; empty for nowhere.
	Return, To string
	// Problem says why the last try did not work; empty on the first.
	Problem string
	// RetryAfter is how long to wait before the next try has a chance.
	RetryAfter time.Duration
	// Passkey is what the browser asks a passkey for, as JSON.
	Passkey string
	// Upstreams are where else the person may have an account.
	Upstreams []Upstream
	// Confirm says that a person who is signed in proves once more that it is
	// they, and Who is their user name, empty when nobody is signed in.
	Confirm bool
	Who     string
	// Passwordless says that Who has no password to be asked for.
	Passwordless bool
	// Strong says that the application asks for two steps or a passkey.
	Strong bool
}

// Upstream is an issuer at which people may have an account.
type Upstream struct{ ID, Name string }

// What can be wrong with a sign-in, besides what forms have in common.
const (
	WrongCode    = "This code is not right. Each code works once: wait for the next one, and look at the clock of your phone if it happens again."
	SlowPasskey  = "That took too long. Please try again." //nolint:gosec // G101: words for people
	WrongPasskey = "This passkey did not work here. Try again. If you have removed it from your account, sign in another way."
)

func (Login) template() string { return "login" }

func (p Login) target() string { return p.To }

func (Login) script() template.JS {
	return template.JS(passkeyScript) //nolint:gosec // G203: it is our own file
}

// Heading is the title without the problem.
func (p Login) Heading() string {
	if p.Confirm {
		return "Confirm that it is you"
	}
	return "Sign in"
}

func (p Login) title() string {
	if p.Problem != "" {
		return "Problem: " + p.Heading()
	}
	return p.Heading()
}

// Rejected reports whether what was typed is wrong.
func (p Login) Rejected() bool { return p.Problem == WrongPassword }

// Offers reports whether the browser lists passkeys below a field without being asked
// to. A page with a problem does not start that by itself: a device that answers at
// once would send the same form, and get the same problem, without end. Its button
// works.
func (p Login) Offers() bool { return p.Problem == "" && !p.Passwordless }

// Wait is RetryAfter in words, empty when there is no need to wait.
func (p Login) Wait() string { return waiting(p.RetryAfter) }

// Elsewhere is the path of a sign-in at an upstream that leads where this one does.
func (p Login) Elsewhere(u Upstream) string {
	return "/upstream/" + url.PathEscape(u.ID) + "?" + p.onward().Encode()
}

// Other is the path of a sign-in as somebody else.
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

// SecondStep asks for a code of an authenticator app, or a recovery code. It posts
// step, return, to and code to /login.
type SecondStep struct {
	// Step is how far the sign-in has come, to be sent back as it is, and Who
	// the user name of the person.
	Step, Who string
	// Return and To are as in Login.
	Return, To string
	// Problem says why the last try did not work; empty on the first.
	Problem string
	// RetryAfter is how long to wait before the next try has a chance.
	RetryAfter time.Duration
}

func (SecondStep) template() string { return "second-step" }

func (p SecondStep) target() string { return p.To }

func (p SecondStep) title() string {
	if p.Problem != "" {
		return "Problem: Enter your code"
	}
	return "Enter your code"
}

// Rejected reports whether what was typed is wrong.
func (p SecondStep) Rejected() bool { return p.Problem == WrongCode }

// Wait is RetryAfter in words, empty when there is no need to wait.
func (p SecondStep) Wait() string { return waiting(p.RetryAfter) }

// Other is the path of a sign-in as somebody else.
func (p SecondStep) Other() string { return Login{Return: p.Return, To: p.To}.Other() }

// SwitchedOff tells a person who has proved who they are that they may not come in.
func SwitchedOff(reference string) Message {
	return Message{
		Title: "Your account is switched off", Problem: true, Reference: reference,
		Text: "You cannot sign in at the moment. Ask the people who run this service to switch your account on again; nothing in it was deleted.",
	}
}

// BeginAgain tells a person that the sign-in took too long, or that something
// changed meanwhile, and leads to a new one.
func BeginAgain(path string) Message {
	return Message{
		Title: "Please sign in again", Problem: true,
		Text: "This sign-in was open for too long, or something about your account changed in the meantime. Nothing is lost: start once more.",
		Link: Link{Path: path, Text: "Sign in"},
	}
}

// CodesLeft tells a person who signed in with a recovery code how many are left, and
// leads on.
func CodesLeft(left int, path string) Message {
	m := Message{
		Title: "You are signed in", Link: Link{Path: path, Text: "Go on"},
		Text: "You used a recovery code, which does not work again. You have " + codes(left) + " left.",
	}
	switch {
	case left == 0:
		m.Text = "You used your last recovery code. Make new ones on your account page, or you cannot sign in without your authenticator app."
	case left <= 3:
		m.Text += " Make new ones on your account page before they are used up."
	}
	return m
}

func codes(n int) string {
	if n == 1 {
		return "1 recovery code"
	}
	return strconv.Itoa(n) + " recovery codes"
}
