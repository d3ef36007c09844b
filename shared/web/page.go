package web

import "net/http"

// The texts of the pages that have a problem.
const (
	WrongPassword = "The user name or the password is not right."
	TooManyTries  = "There were too many tries."
	ExpiredForm   = "This form was open for too long, or it is from another browser. Please try again."
)

// Home is the front door.
type Home struct {
	// Issuer is the origin of this server.
	Issuer string
	// Documents are for those who connect an application.
	Documents []Link
}

// Link leads somewhere.
type Link struct{ Path, Text string }

func (Home) template() string { return "home" }
func (Home) title() string    { return "Welcome" }

// Message says something, and where to go from here.
type Message struct {
	Title, Text string
	// Problem marks bad news.
	Problem bool
	// Link is where to go on; no link when its path is empty.
	Link Link
	// Detail is for the developer of the application that led here.
	Detail string
	// Reference is the request's id, for those who ask an operator.
	Reference string
}

func (Message) template() string { return "message" }
func (p Message) title() string  { return p.Title }

// Refused says that a page could not be shown or a form not be taken, with what
// a person can do about the status.
func Refused(status int, reference string) Message {
	m := Message{
		Title: "That did not work", Text: "We could not make sense of this request. Go back and try again.",
		Problem: true, Link: Link{Path: "/", Text: "Start page"}, Reference: reference,
	}
	switch {
	case status == http.StatusForbidden:
		m.Text = "The request came from a page that is not ours, so we did nothing. Open our page and try again."
	case status == http.StatusTooManyRequests:
		m.Text = "There were too many requests. Wait a moment and try again."
	case status == http.StatusServiceUnavailable:
		m.Text = "Something behind this page does not answer. Nothing is lost: try again in a moment."
	case status >= http.StatusInternalServerError:
		m.Text = "This is our fault. If it happens again, tell your administrator the reference below."
	}
	return m
}
