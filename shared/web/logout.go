package web

// Logout asks whether to sign out. It posts csrf to /logout, and with it what the
// application asked for that led here: client_id, post_logout_redirect_uri and
// state, which are judged anew.
type Logout struct {
	CSRF string
	// Who is signed in.
	Who string
	// Problem says why the last try did not work; empty on the first.
	Problem string
	// App is the name of the application to which this leads back, and To its
	// source; empty when it leads nowhere.
	App, To string
	// ClientID, RedirectURI and State are what the application asked for; empty
	// when it leads nowhere.
	ClientID, RedirectURI, State string
}

func (Logout) template() string { return "logout" }

func (p Logout) title() string {
	if p.Problem != "" {
		return "Problem: Sign out"
	}
	return "Sign out"
}

func (p Logout) target() string { return p.To }
