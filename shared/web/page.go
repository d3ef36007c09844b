package web

import "net/http"

// The problems that several forms have in common.
const (
	WrongPassword = "Incorrect username or password."
	TooManyTries  = "Too many attempts."
	ExpiredForm   = "This form has expired, or your browser blocks cookies. Try again."
)

// Home is the start page.
type Home struct {
	// Issuer is the origin of this server.
	Issuer string
	// Documents are the links for developers.
	Documents []Link
}

// Link is a link to one of our paths.
type Link struct{ Path, Text string }

func (Home) template() string { return "home" }
func (Home) title() string    { return "Welcome" }

// Message is a page with a text and a link to continue.
type Message struct {
	Title, Text string
	// Problem marks the text as a problem.
	Problem bool
	// Link is the link to continue. There is none when its path is empty.
	Link Link
	// Detail is for the developers of the application that sent the person here.
	Detail string
	// Reference is the id of the request, with which an operator finds it in the log.
	Reference string
}

func (Message) template() string { return "message" }
func (p Message) title() string  { return p.Title }

// Refused is the page for a request that failed with a status. It says what the person can
// do.
func Refused(status int, reference string) Message {
	m := Message{
		Title: "Something went wrong", Text: "We could not understand this request. Go back and try again.",
		Problem: true, Link: Link{Path: "/", Text: "Go to the start page"}, Reference: reference,
	}
	switch {
	case status == http.StatusForbidden:
		m.Text = "This request came from another site, so nothing has changed. Open the page here and try again."
	case status == http.StatusTooManyRequests:
		m.Text = "Too many requests. Wait a moment and try again."
	case status == http.StatusServiceUnavailable:
		m.Text = "The service is not available at the moment. Nothing was lost. Try again in a moment."
	case status >= http.StatusInternalServerError:
		m.Text = "This is an error on our side. Try again. If it happens again, send the reference below to your administrator."
	}
	return m
}
