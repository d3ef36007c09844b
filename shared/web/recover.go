package web

import "time"

// Recover asks a person who cannot sign in for their username. It posts csrf and user_name
// to /recover.
type Recover struct {
	CSRF string
	// UserName is the username of the last form.
	UserName string
	// Problem says why the last form failed. It is empty on the first one.
	Problem string
	// RetryAfter is the time to wait before the next try.
	RetryAfter time.Duration
}

// NoUserName is the problem of a form without a username.
const NoUserName = "Enter your username."

func (Recover) template() string { return "recover" }

func (p Recover) title() string {
	return titleOf(p.Problem, "Can't sign in?")
}

// Rejected reports whether the username is the problem.
func (p Recover) Rejected() bool { return p.Problem == NoUserName }

// Wait is RetryAfter in words. It is empty when there is no wait.
func (p Recover) Wait() string { return waiting(p.RetryAfter) }

var backToLogin = Link{Path: "/login", Text: "Back to sign in"}

// RecoverAsked is the page after the form. It is the same for a username that does not
// exist, so that it does not reveal which usernames exist.
func RecoverAsked() Message {
	return Message{
		Title: "Check your email",
		Text: "If this username has an account with a verified email address, we send a link to it. The link works once, within 30 minutes. " +
			"If it does not arrive in a few minutes, check your spam folder or ask your administrator.",
		Link: backToLogin,
	}
}

// RecoverByAdministrator is the page of a stage that sends no mail.
func RecoverByAdministrator() Message {
	return Message{
		Title: "Can't sign in?",
		Text: "Ask your administrator for a link to choose a new passkey or password. The link works once, within 30 minutes. " +
			"Your account stays as it is.",
		Link: backToLogin,
	}
}
