package web

import "net/http"

// Logout asks whether to sign out. It posts csrf to /logout, and with it the parameters of
// the application that sent the person here: client_id, post_logout_redirect_uri and
// state. The route checks them again.
type Logout struct {
	CSRF string
	// Who is the name of the person who is signed in.
	Who string
	// Problem says why the last form failed. It is empty on the first one.
	Problem string
	// App is the name of the application to which the person returns, and To its
	// source. Both are empty when the person stays here.
	App, To string
	// ClientID, RedirectURI and State are the parameters of the application. They are
	// empty when the person stays here.
	ClientID, RedirectURI, State string
}

func (Logout) template() string { return "logout" }

func (p Logout) title() string { return titleOf(p.Problem, "Sign out") }

func (p Logout) target() string { return p.To }

// SignedOut is the page of a browser without a session.
func SignedOut() Message {
	return Message{Title: "You are signed out", Text: "This browser is not signed in.", Link: Link{Path: "/login", Text: "Sign in"}}
}

// LogoutRefused is the page for an invalid sign-out request of an application. It leads to a
// sign-out without the application.
func LogoutRefused(detail, reference string) Message {
	m := Refused(http.StatusBadRequest, reference)
	m.Text = "The application that sent you here made a request that is not valid, so nothing has changed."
	m.Detail = detail
	m.Link = Link{Path: "/logout", Text: "Sign out here"}
	return m
}
