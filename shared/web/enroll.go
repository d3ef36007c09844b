package web

import (
	"html/template"
	"net/url"
	"time"
)

// Invitation asks somebody who was invited what they are called. It posts csrf,
// link, user_name and name to /invite.
type Invitation struct {
	CSRF string
	// Link is the text of the link, which comes back with every form.
	Link string
	// UserName and Name are what was typed before, or what the inviter proposes.
	UserName, Name string
	// Email is the address that the inviter gave; empty if none.
	Email string
	// Upstreams are where else the person may have an account.
	Upstreams []Upstream
	// Problem says why the last try did not work; empty on the first. Field is
	// the name of the field that it is about, if it is about one.
	Problem, Field string
}

// What can be wrong with the names of somebody who was invited.
const (
	TakenUserName = "Somebody has this user name already. Choose another one."
	BadUserName   = "A user name has 1 to 64 letters, digits and the signs . _ @ + and -, without spaces."
	BadName       = "This name is too long, or has signs in it that cannot be shown."
)

func (Invitation) template() string { return "invitation" }

func (p Invitation) title() string { return troubled(p.Problem, "You are invited") }

// Bad reports whether the problem is about a field.
func (p Invitation) Bad(field string) bool { return p.Problem != "" && p.Field == field }

// Elsewhere is the path at which the person comes in with an account of an upstream.
func (p Invitation) Elsewhere(u Upstream) string {
	return "/upstream/" + url.PathEscape(u.ID) + "?" + url.Values{"invite": {p.Link}}.Encode()
}

// Choose asks a person who brought a link what they sign in with from now on. It
// posts csrf, link and StepChoose as step, and passkey or password and again, to
// /recover; or to /invite, with user_name and name beside them.
type Choose struct {
	CSRF string
	// Link is as in Invitation.
	Link string
	// Invited says that the person is not here yet, and chose UserName and Name a
	// moment ago.
	Invited        bool
	UserName, Name string
	// Options are what the browser is to have made, as JSON; empty when no
	// passkey can be made.
	Options string
	// Made is a passkey that was made before something else was wrong, and waits
	// for that; empty for none.
	Made string
	// Code says that a code is needed beside the link, which is posted as code.
	Code bool
	// Problem and Field are as in Invitation.
	Problem, Field string
	// RetryAfter is how long to wait before the next try has a chance.
	RetryAfter time.Duration
}

// StepChoose is the step of Choose.
const StepChoose = "choose"

// What can be wrong with a choice, besides what forms have in common.
const (
	TryAgain           = "Something else changed your account at the same moment. Nothing was done: please try again."
	NoChoice           = "Make a passkey, or type a password."
	DifferentPasswords = "The two passwords are not the same."
	UnusablePasskey    = "This passkey cannot be used here. Make another one, or choose a password."
	TooManyPasskeys    = "You have as many passkeys as you can have. Choose a password now, and remove the passkeys that you do not need on your account page."
)

// WeakPassword says what is wrong with a password: that it "is too short".
func WeakPassword(reason string) string { return "This password " + reason + ". Choose another one." }

func (Choose) template() string { return "choose" }

func (p Choose) title() string { return troubled(p.Problem, "Choose how you sign in") }

func (p Choose) script() template.JS {
	if p.Options == "" {
		return ""
	}
	return template.JS(passkeyScript) //nolint:gosec // G203: it is our own file
}

// Action is where the form goes.
func (p Choose) Action() string {
	if p.Invited {
		return "/invite"
	}
	return "/recover"
}

// Bad reports whether the problem is about a field.
func (p Choose) Bad(field string) bool { return p.Problem != "" && p.Field == field }

// Wait is RetryAfter in words, empty when there is no need to wait.
func (p Choose) Wait() string { return waiting(p.RetryAfter) }

// The links that do nothing any more, and what to do about it. Whoever was invited
// turns to another person than whoever has an account.

// UnknownLink is for a link that we never made, or that is cut off.
func UnknownLink(invited bool) Message {
	return deadLink(invited, "We do not know this link",
		"It may be cut off: open the whole of it, as it was given to you.")
}

// ExpiredLink is for a link that came too late.
func ExpiredLink(invited bool) Message {
	return deadLink(invited, "This link has expired", "It was good for a limited time. Nothing has changed.")
}

// OvertakenLink is for a link of a person whose sessions were all ended since.
func OvertakenLink() Message {
	return deadLink(false, "This link no longer works",
		"Your account changed after the link was made: it got another password, another link was used, or everything was signed out.")
}

// UsedLink is for a link that did what it was for.
func UsedLink() Message {
	return Message{
		Title: "This link was used already", Problem: true, Link: Link{Path: "/login", Text: "Sign in"},
		Text: "A link works once. If it was you who used it, sign in with what you chose. If it was not, tell your administrator at once.",
	}
}

func deadLink(invited bool, title, text string) Message {
	m := Message{Title: title, Text: text, Problem: true}
	if invited {
		m.Text += " Ask whoever invited you for a new one."
		return m
	}
	m.Text += " Get a new one, or ask your administrator for it."
	m.Link = Link{Path: "/recover", Text: "Get a new link"}
	return m
}
