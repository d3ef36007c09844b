package web

import "strings"

// The following pages are for a sign-in with an account at an upstream that failed. Each
// says why, and has a link to continue: path is the page from which the person came, and
// name is the name of the upstream.

// NoUpstream is the page for an upstream that does not exist.
func NoUpstream(path string) Message {
	return Message{
		Title: "This way to sign in does not exist", Problem: true, Link: onward(path),
		Text: "You cannot sign in here with an account from that provider.",
	}
}

// UpstreamOff is the page for a disabled upstream.
func UpstreamOff(name, path string) Message {
	return Message{
		Title: "You cannot sign in with " + name + " at the moment", Problem: true, Link: onward(path),
		Text: "Sign-in with " + name + " is turned off. Your account here has not changed. Use another way to sign in, or ask your administrator.",
	}
}

// UpstreamLost is the page for an answer to a sign-in that this browser did not begin, or
// that comes too late or for the second time.
func UpstreamLost(path string) Message {
	return Message{
		Title: "Start again", Problem: true, Link: onward(path),
		Text: "This sign-in took too long, was already completed, or began in another browser. Nothing has changed.",
	}
}

// UpstreamDenied is the page for a sign-in that the person or the upstream refused.
func UpstreamDenied(name, path string) Message {
	return Message{
		Title: "You did not sign in", Problem: true, Link: onward(path),
		Text: "You canceled the sign-in at " + name + ", or " + name + " did not allow it. Nothing has changed.",
	}
}

// UpstreamDown is the page for an upstream that does not answer.
func UpstreamDown(name, path, reference string) Message {
	return Message{
		Title: name + " is not available", Problem: true, Link: onward(path), Reference: reference,
		Text: "Try again in a moment, or use another way to sign in.",
	}
}

// UpstreamFailed is the page for an answer that is not valid, or is an error.
func UpstreamFailed(name, path, reference string) Message {
	return Message{
		Title: "Something went wrong", Problem: true, Link: onward(path), Reference: reference,
		Text: name + " sent an answer that we cannot accept, so nothing has changed. Try again. If it happens again, send the reference below to your administrator.",
	}
}

// UpstreamNoAccount is the page for an account that is not connected to a person.
func UpstreamNoAccount(name, path string) Message {
	return Message{
		Title: "No account found", Problem: true, Link: onward(path),
		Text: "Your account at " + name + " is not connected to an account here. If you have an account here, sign in another way and connect " + name + " on your account page. If you have none, ask your administrator for an invitation.",
	}
}

// UpstreamOutside is the page for an account without a verified address in one of the
// domains that may create accounts.
func UpstreamOutside(name, path string, domains []string) Message {
	return Message{
		Title: "You cannot create an account here", Problem: true, Link: onward(path),
		Text: "New accounts need a verified email address at " + name + " that ends with @" + strings.Join(domains, " or @") +
			". If you already have an account here, sign in another way and connect " + name + " on your account page.",
	}
}

// UpstreamTaken is the page for a person who connects an account that is connected to
// another person.
func UpstreamTaken(name, path string) Message {
	return Message{
		Title: "This account is already connected", Problem: true, Link: Link{Path: path, Text: "Back to your account"},
		Text: "Your account at " + name + " is connected to another account here. If both are yours, sign in to the other one and disconnect it there first.",
	}
}

// UpstreamFull is the page for a person who has the maximum number of connected accounts.
func UpstreamFull(path string) Message {
	return Message{
		Title: "You have too many connected accounts", Problem: true, Link: Link{Path: path, Text: "Back to your account"},
		Text: "This account was not connected. Disconnect one that you no longer use, and try again.",
	}
}

// UpstreamKnown is the page for an invited person with an account that is connected to a
// person already.
func UpstreamKnown(name, path string) Message {
	return Message{
		Title: "You already have an account", Problem: true, Link: onward(path),
		Text: "Your account at " + name + " already signs in to an account here. Sign in with it. You do not need the invitation, which was not used.",
	}
}

// onward returns a link to path with a text for that page.
func onward(path string) Link {
	switch place, _, _ := strings.Cut(path, "?"); place {
	case "/account":
		return Link{Path: path, Text: "Back to your account"}
	case "/invite":
		return Link{Path: path, Text: "Back to the invitation"}
	}
	return Link{Path: path, Text: "Sign in"}
}
