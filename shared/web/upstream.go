package web

import "strings"

// The messages of a sign-in with an account elsewhere that led nowhere. Each says
// what has become of it, and has a link to go on: path leads to where the person
// came from, and name is that of the upstream.

// NoUpstream is for an upstream that is not there.
func NoUpstream(path string) Message {
	return Message{
		Title: "There is no such way to sign in", Problem: true, Link: onward(path),
		Text: "Nobody signs in here with an account from there, or not any more.",
	}
}

// UpstreamOff is for an upstream that is switched off.
func UpstreamOff(name, path string) Message {
	return Message{
		Title: "Not with " + name + " at the moment", Problem: true, Link: onward(path),
		Text: "Signing in with an account at " + name + " is switched off. Your account here is as it was: use another way to sign in, or ask your administrator.",
	}
}

// UpstreamLost is for somebody who comes back from nowhere: too late, for the second
// time, or in another browser.
func UpstreamLost(path string) Message {
	return Message{
		Title: "Please start again", Problem: true, Link: onward(path),
		Text: "This answer was not expected here: it took too long, it was used already, or it belongs to another browser. Nothing has happened.",
	}
}

// UpstreamDenied is for somebody who said no, or was told no.
func UpstreamDenied(name, path string) Message {
	return Message{
		Title: "You did not sign in", Problem: true, Link: onward(path),
		Text: name + " says that you, or they, did not agree. Nothing has happened.",
	}
}

// UpstreamDown is for an upstream that does not answer.
func UpstreamDown(name, path, reference string) Message {
	return Message{
		Title: name + " does not answer", Problem: true, Link: onward(path), Reference: reference,
		Text: "Nothing is lost: try again in a moment, or use another way to sign in.",
	}
}

// UpstreamFailed is for an answer that cannot be believed, or says that something is
// wrong.
func UpstreamFailed(name, path, reference string) Message {
	return Message{
		Title: "That did not work", Problem: true, Link: onward(path), Reference: reference,
		Text: "We did not get an answer from " + name + " that we can rely on, so nothing has happened. Try again. If it happens again, tell your administrator the reference below.",
	}
}

// UpstreamStranger is for an account that nobody here has linked.
func UpstreamStranger(name, path string) Message {
	return Message{
		Title: "We do not know this account", Problem: true, Link: onward(path),
		Text: "Nobody here has linked this account at " + name + ". If you have an account here, sign in another way and link it on your account page. If you do not, ask your administrator for an invitation.",
	}
}

// UpstreamOutside is for an account without a verified address in one of the domains
// whose people may come in.
func UpstreamOutside(name, path string, domains []string) Message {
	return Message{
		Title: "This account may not come in", Problem: true, Link: onward(path),
		Text: "New people come in with an account whose mail address " + name + " has verified and that ends with @" + strings.Join(domains, " or @") +
			". If you have an account here, sign in another way and link this one on your account page.",
	}
}

// UpstreamTaken is for somebody who links an account that another person has.
func UpstreamTaken(name, path string) Message {
	return Message{
		Title: "Somebody else has this account", Problem: true, Link: Link{Path: path, Text: "Back to your account"},
		Text: "The account at " + name + " is linked to another person here, so it was not linked to you. If both are yours, sign in with it and unlink it there first.",
	}
}

// UpstreamFull is for somebody who has linked as many accounts as they may.
func UpstreamFull(path string) Message {
	return Message{
		Title: "You have linked too many accounts", Problem: true, Link: Link{Path: path, Text: "Back to your account"},
		Text: "This one was not linked. Unlink one that you do not need, and try again.",
	}
}

// UpstreamKnown is for somebody who follows an invitation with an account that they,
// or another person, came in with before.
func UpstreamKnown(name, path string) Message {
	return Message{
		Title: "You are here already", Problem: true, Link: onward(path),
		Text: "Somebody signs in here with this account at " + name + ". If it is you, sign in with it: you do not need the invitation, which was not used.",
	}
}

// onward leads to the start page of people, in words that fit where it is.
func onward(path string) Link {
	switch place, _, _ := strings.Cut(path, "?"); place {
	case "/account":
		return Link{Path: path, Text: "Back to your account"}
	case "/invite":
		return Link{Path: path, Text: "Back to the invitation"}
	}
	return Link{Path: path, Text: "Sign in"}
}
