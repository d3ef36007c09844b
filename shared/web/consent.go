package web

import (
	"html"
	"html/template"
	"net/http"
	"strings"
)

// Consent asks whether an application may do what it asks for. It posts csrf,
// authorization and decision, Allow or Deny, to /authorize.
type Consent struct {
	CSRF string
	// Authorization is what was asked for, to be sent back as it is.
	Authorization string
	// App is the name of the application, and Where what the person goes on to,
	// in words.
	App, Where string
	// Unvetted says that the application registered itself: its name is what it
	// says of itself. Origin is then whose it is for certain, empty if nobody
	// knows.
	Unvetted bool
	Origin   string
	// Who is signed in.
	Who string
	// Asks are what the application wants to do; there may be nothing.
	Asks []Ask
	// To is the source of where the answer goes.
	To string
	// Problem says why the last try did not work; empty on the first.
	Problem string
}

// Ask is what an application wants to do at one place.
type Ask struct {
	// Place is the name of an API, empty for what is about the person.
	Place string
	// Scopes are what it wants there, in words.
	Scopes []string
}

// The decisions of Consent.
const (
	Allow = "allow"
	Deny  = "deny"
)

func (Consent) template() string { return "consent" }

func (p Consent) title() string {
	if p.Problem != "" {
		return "Problem: Allow " + p.App + "?"
	}
	return "Allow " + p.App + "?"
}

func (p Consent) target() string { return p.To }

// FormPost sends an answer to an application with a form (OAuth 2.0 Form Post
// Response Mode), by itself or with its button.
type FormPost struct {
	// Action is where the form goes, and To the source of it.
	Action, To string
	Fields     []Field
}

// Field is a hidden field of a form.
type Field struct{ Name, Value string }

// submit sends the only form of the page.
const submit = template.JS("document.forms[0].submit()")

func (FormPost) template() string    { return "formpost" }
func (FormPost) title() string       { return "One moment" }
func (p FormPost) target() string    { return p.To }
func (FormPost) script() template.JS { return submit }

// Leads is the attribute of the form that says where it goes, which is Action as
// it is: a template would write some characters of a URL in another way, and an
// application may compare its own with what it registered.
func (p FormPost) Leads() template.HTMLAttr {
	action := ""
	if strings.HasPrefix(p.Action, "https://") || strings.HasPrefix(p.Action, "http://") {
		action = html.EscapeString(p.Action)
	}
	return template.HTMLAttr(`action="` + action + `"`) //nolint:gosec // G203: it is escaped, and leads to no script
}

// Unanswered says that an application asked for something in a way that cannot be
// answered, and that it is not told because nobody knows whether it is the one.
func Unanswered(detail, reference string) Message {
	m := Refused(http.StatusBadRequest, reference)
	m.Title = "This sign-in cannot go on"
	m.Text = "The application that brought you here asked for it in a way that we cannot answer. Go back to the application and try again. " +
		"If that does not help, tell the people who run it what is written below."
	m.Detail = detail
	return m
}
