package web

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// The texts of the pages that have a problem.
const (
	WrongPassword = "The user name or the password is not right."
	TooManyTries  = "There were too many tries."
	ExpiredForm   = "This form was open for too long, or it is from another browser. Please try again."
)

// Login asks for a user name and a password. It posts csrf, return, to, user_name
// and password to /login.
type Login struct {
	CSRF string
	// UserName is what was typed before, or what an application knows.
	UserName string
	// Return is the path to go to afterwards, and To the source of where that
	// may lead on to, such as "https://app.example.com"; empty for nowhere.
	Return, To string
	// Problem says why the last try did not work; empty on the first.
	Problem string
	// RetryAfter is how long to wait before the next try has a chance.
	RetryAfter time.Duration
}

func (Login) template() string { return "login" }

func (p Login) target() string { return p.To }

func (p Login) title() string {
	if p.Problem != "" {
		return "Problem: Sign in"
	}
	return "Sign in"
}

// Rejected reports whether what was typed is wrong.
func (p Login) Rejected() bool { return p.Problem == WrongPassword }

// Wait is RetryAfter in words, empty when there is no need to wait.
func (p Login) Wait() string { return waiting(p.RetryAfter) }

// Account shows who is signed in, and where. It posts csrf and an action to
// /account: ActionEnd with an id, ActionEndOthers or ActionSignOut.
type Account struct {
	CSRF string
	// Name and Email may be empty, UserName is not.
	Name, UserName, Email string
	// Notice says what was just done; empty when nothing was.
	Notice string
	// Problem says why what was asked for was not done; empty when it was.
	Problem  string
	Sessions []Session
	// Now is the time from which the page counts back.
	Now time.Time
}

// The actions of Account.
const (
	ActionEnd       = "end"
	ActionEndOthers = "end-others"
	ActionSignOut   = "sign-out"
)

// Session is one place where the person is signed in.
type Session struct {
	ID string
	// Device is a label such as "Firefox on Linux"; empty when unknown.
	Device string
	// Place is an address prefix; empty when unknown.
	Place string
	// App is the name of the application; empty for the browser's own sign-in.
	App string
	// First and Last are when it began and when it was last used.
	First, Last time.Time
	// Current marks the session that shows the page, and Here another one
	// that belongs to it and ends with it.
	Current, Here bool
}

func (Account) template() string { return "account" }

func (p Account) title() string {
	switch {
	case p.Problem != "":
		return "Problem: Your account"
	case p.Notice != "":
		return p.Notice + " – Your account"
	}
	return "Your account"
}

// Who is the best name we have.
func (p Account) Who() string {
	if p.Name != "" {
		return p.Name
	}
	return p.UserName
}

// Others reports whether any session is of another browser.
func (p Account) Others() bool {
	return slices.ContainsFunc(p.Sessions, func(s Session) bool { return !s.Current && !s.Here })
}

// Moment is t as the page shows it.
func (p Account) Moment(t time.Time) Moment { return Moment{At: t.UTC(), Now: p.Now} }

// Label is the device in words.
func (s Session) Label() string {
	if s.Device == "" {
		return "Unknown device"
	}
	return s.Device
}

// Icon is the name of the picture that fits the device.
func (s Session) Icon() string {
	for _, small := range []string{"iPhone", "iPad", "Android", "iOS"} {
		if strings.Contains(s.Device, small) {
			return "phone"
		}
	}
	return "screen"
}

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
