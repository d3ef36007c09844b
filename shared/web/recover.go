package web

import "time"

// Recover asks somebody who cannot sign in for their user name. It posts csrf and
// user_name to /recover.
type Recover struct {
	CSRF string
	// UserName is what was typed before.
	UserName string
	// Problem says why the last try did not work; empty on the first.
	Problem string
	// RetryAfter is how long to wait before the next try has a chance.
	RetryAfter time.Duration
}

// NoUserName says that a form came without one.
const NoUserName = "Type your user name."

func (Recover) template() string { return "recover" }

func (p Recover) title() string {
	if p.Problem != "" {
		return "Problem: Can't sign in?"
	}
	return "Can't sign in?"
}

// Rejected reports whether what was typed is wrong.
func (p Recover) Rejected() bool { return p.Problem == NoUserName }

// Wait is RetryAfter in words, empty when there is no need to wait.
func (p Recover) Wait() string { return waiting(p.RetryAfter) }

var backToLogin = Link{Path: "/login", Text: "Back to sign in"}

// RecoverAsked says what happens next, the same whether or not there is somebody
// of the user name that was typed.
func RecoverAsked() Message {
	return Message{
		Title: "Check your mail",
		Text: "If somebody has this user name here, and we know their mail address to be theirs, a link is on its way to it. It works once, within 30 minutes. " +
			"Nothing after a few minutes? Look in your spam folder, then ask your administrator.",
		Link: backToLogin,
	}
}

// RecoverElsewhere is for a stage that sends no mail.
func RecoverElsewhere() Message {
	return Message{
		Title: "Can't sign in?",
		Text: "Ask your administrator. They can give you a link with which you choose a new passkey or password. It works once, within 30 minutes. " +
			"Your account stays as it is.",
		Link: backToLogin,
	}
}
