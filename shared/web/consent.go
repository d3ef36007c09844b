package web

import (
	"html"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

// Consent asks whether an application gets the access that it requests. It posts csrf,
// authorization and decision, which is [Allow] or [Deny], to /authorize.
type Consent struct {
	CSRF string
	// Authorization is the request, which comes back as it is.
	Authorization string
	// App is the name of the application. Where says where the person continues.
	App, Where string
	// Unvetted means that the application registered itself and chose its name.
	// Origin is then the origin that certainly owns it, or empty if that is unknown.
	Unvetted bool
	Origin   string
	// Who is the name of the person who is signed in.
	Who string
	// Asks is the requested access. It may be empty.
	Asks []Ask
	// To is the source to which the answer leads.
	To string
	// Problem says why the last form failed. It is empty on the first one.
	Problem string
}

// Ask is the access to one API, or to the identity of the person.
type Ask struct {
	// Place is the name of the API. It is empty for the identity of the person.
	Place string
	// Scopes are the texts of the requested scopes.
	Scopes []string
}

// The decisions of [Consent] and [DeviceRequest].
const (
	Allow = "allow"
	Deny  = "deny"
)

func (Consent) template() string { return "consent" }

func (p Consent) title() string { return titleOf(p.Problem, p.Heading()) }

// Heading is the question.
func (p Consent) Heading() string { return question(p.App, p.Asks) }

// question returns the heading for the access that an application requests: a sign-in, or
// the use of APIs.
func question(app string, asks []Ask) string {
	if slices.ContainsFunc(asks, func(a Ask) bool { return a.Place != "" }) {
		return "Allow " + app + " to access your account?"
	}
	return "Allow " + app + " to sign you in?"
}

func (p Consent) target() string { return p.To }

// FormPost sends an answer to an application in a form (OAuth 2.0 Form Post Response
// Mode). Its script sends the form, or the person does with the button.
type FormPost struct {
	// Action is the address of the form, and To its source.
	Action, To string
	Fields     []Field
}

// Field is a hidden field of a form.
type Field struct{ Name, Value string }

// submit is the script of [FormPost], which sends the only form of the page.
const submit = template.JS("document.forms[0].submit()")

func (FormPost) template() string    { return "formpost" }
func (FormPost) title() string       { return "One moment" }
func (p FormPost) target() string    { return p.To }
func (FormPost) script() template.JS { return submit }

// Leads is the action attribute of the form, with Action exactly as it is. A template
// would encode some characters of a URL, and an application may compare the URL with the
// one that it registered.
func (p FormPost) Leads() template.HTMLAttr {
	action := ""
	if strings.HasPrefix(p.Action, "https://") || strings.HasPrefix(p.Action, "http://") {
		action = html.EscapeString(p.Action)
	}
	return template.HTMLAttr(`action="` + action + `"`) //nolint:gosec // G203: it is escaped, and its scheme runs no script
}

// Unanswered is the page for an authorization request without a valid client or redirect
// URI. The answer goes to the person and not to the application, because it is not known
// which application sent the request.
func Unanswered(detail, reference string) Message {
	m := Refused(http.StatusBadRequest, reference)
	m.Title = "This request is not valid"
	m.Text = "The application that sent you here made a request that we cannot accept. Go back to the application and try again. " +
		"If it happens again, send the details below to its developers."
	m.Detail = detail
	return m
}
