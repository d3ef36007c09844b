package web

import (
	"html/template"
	"net/url"
	"time"
)

// Invitation asks an invited person for their username and name. It posts csrf, link,
// user_name and name to /invite.
type Invitation struct {
	CSRF string
	// Link is the text of the link, which comes back with every form.
	Link string
	// UserName and Name are those of the last form, or the proposal of the inviter.
	UserName, Name string
	// Email is the address from the inviter. It may be empty.
	Email string
	// Upstreams are the issuers at which the person may have an account.
	Upstreams []Upstream
	// Problem says why the last form failed. It is empty on the first one. Field is the
	// name of the field with the problem. It is empty for other problems.
	Problem, Field string
}

// The problems of a username and a name.
const (
	TakenUserName = "This username is taken. Choose another one."
	BadUserName   = "A username has 1 to 64 letters, digits and the characters . _ @ + and -, without spaces."
	BadName       = "This name is too long, or has characters that cannot be shown."
)

func (Invitation) template() string { return "invitation" }

func (p Invitation) title() string { return titleOf(p.Problem, "You are invited") }

// Bad reports whether field has the problem.
func (p Invitation) Bad(field string) bool { return p.Problem != "" && p.Field == field }

// UpstreamPath is the path at which the person accepts the invitation with an account at
// an upstream.
func (p Invitation) UpstreamPath(u Upstream) string {
	return "/upstream/" + url.PathEscape(u.ID) + "?" + url.Values{"invite": {p.Link}}.Encode()
}

// Choose asks a person with a link for a new passkey or password. It posts csrf, link and
// [StepChoose] as step, with passkey or with password and again. The form of an invited
// person goes to /invite, with user_name and name. Other forms go to /recover.
type Choose struct {
	CSRF string
	// Link is as in [Invitation].
	Link string
	// Invited means that the person has no account yet, and chose UserName and Name on
	// the page before.
	Invited        bool
	UserName, Name string
	// Options are the creation options for the browser, as JSON. They are empty when
	// the person cannot create a passkey.
	Options string
	// Made is the new passkey while another field has a problem. It is empty for none.
	Made string
	// Code means that the form asks for a code as well, and posts it as code.
	Code bool
	// Problem and Field are as in [Invitation].
	Problem, Field string
	// RetryAfter is the time to wait before the next try.
	RetryAfter time.Duration
}

// StepChoose is the step of [Choose].
const StepChoose = "choose"

// The problems of a choice, besides those that forms have in common.
const (
	TryAgain           = "Your account changed at the same moment, so nothing was saved. Try again."
	NoChoice           = "Create a passkey, or enter a password."
	DifferentPasswords = "The passwords do not match."
	UnusablePasskey    = "This passkey cannot be used here. Create another one, or choose a password."
	TooManyPasskeys    = "You have reached the maximum number of passkeys. Choose a password now, and remove the passkeys that you no longer use on your account page."
)

// WeakPassword is the problem of a password with a reason such as "is too short".
func WeakPassword(reason string) string { return "This password " + reason + ". Choose another one." }

func (Choose) template() string { return "choose" }

func (p Choose) title() string { return titleOf(p.Problem, "Choose how you sign in") }

func (p Choose) script() template.JS {
	if p.Options == "" {
		return ""
	}
	return template.JS(passkeyScript) //nolint:gosec // G203: the script is our own file
}

// Action is the path of the form.
func (p Choose) Action() string {
	if p.Invited {
		return "/invite"
	}
	return "/recover"
}

// Bad reports whether field has the problem.
func (p Choose) Bad(field string) bool { return p.Problem != "" && p.Field == field }

// Wait is RetryAfter in words. It is empty when there is no wait.
func (p Choose) Wait() string { return waiting(p.RetryAfter) }

// The following pages are for links that do not work. They say what to do. That differs
// between an invited person and a person with an account.

// UnknownLink is the page for a link that we did not create, or that is incomplete.
func UnknownLink(invited bool) Message {
	return deadLink(invited, "This link is not valid", "It may be incomplete. Open the whole link as you received it.")
}

// ExpiredLink is the page for a link that was opened too late.
func ExpiredLink(invited bool) Message {
	return deadLink(invited, "This link has expired", "It was valid for a limited time. Nothing has changed.")
}

// OvertakenLink is the page for a link that was created before all sessions of the person
// ended.
func OvertakenLink() Message {
	return deadLink(false, "This link no longer works",
		"Your account changed after the link was created: the password changed, another link was used, or all sessions ended.")
}

// UsedLink is the page for a link that was used.
func UsedLink() Message {
	return Message{
		Title: "This link was already used", Problem: true, Link: Link{Path: "/login", Text: "Sign in"},
		Text: "A link works once. If you used it, sign in with what you chose. If you did not, tell your administrator at once.",
	}
}

func deadLink(invited bool, title, text string) Message {
	m := Message{Title: title, Text: text, Problem: true}
	if invited {
		m.Text += " Ask for a new invitation."
		return m
	}
	m.Text += " Get a new link, or ask your administrator for one."
	m.Link = Link{Path: "/recover", Text: "Get a new link"}
	return m
}
