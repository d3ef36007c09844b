package web

import "time"

// Device asks for the user code that a device shows (RFC 8628). It posts csrf and
// user_code to /device.
type Device struct {
	CSRF string
	// Code is the code of the last form, or of the address.
	Code string
	// Problem says why the last form failed. It is empty on the first one.
	Problem string
	// RetryAfter is the time to wait before the next try.
	RetryAfter time.Duration
}

// The problems of a user code.
const (
	UnknownCode    = "Unknown code. Compare it with your device, or get a new code there: a code expires after ten minutes."
	ExpiredCode    = "This code has expired. Get a new code on your device."
	UsedCode       = "This code was already used. Get a new code on your device."
	ForeignLetters = "A code has no digits, and none of the letters A, E, I, O, U and Y. Check the code on your device."
	WrongLength    = "A code has eight letters, such as BCDF-GHJK."
)

func (Device) template() string { return "device" }

func (p Device) title() string { return titleOf(p.Problem, "Connect a device") }

// Rejected reports whether the code is the problem.
func (p Device) Rejected() bool {
	return p.Problem != "" && p.Problem != TooManyTries && p.Problem != ExpiredForm
}

// Wait is RetryAfter in words. It is empty when there is no wait.
func (p Device) Wait() string { return waiting(p.RetryAfter) }

// DeviceRequest asks whether an application on a device gets the access that it requests.
// It posts csrf, user_code, request and decision, which is [Allow] or [Deny], to /device.
type DeviceRequest struct {
	CSRF string
	// Code is the code that the device shows, and Request the id of its request.
	Code, Request string
	// App is the name of the application on the device.
	App string
	// Ours means that the application belongs to the operator. Otherwise, Unvetted
	// and Origin are as in [Consent].
	Ours, Unvetted bool
	Origin         string
	// Who is the name of the person who is signed in.
	Who string
	// Asks is the requested access. It may be empty.
	Asks []Ask
	// Agent is the program that requested the code, such as "curl", and Place is the
	// prefix of its address. Both are empty when unknown.
	Agent, Place string
	// Asked is the time of the request, and Now the time of the page.
	Asked, Now time.Time
}

func (DeviceRequest) template() string { return "device-request" }
func (p DeviceRequest) title() string  { return p.Heading() }

// Heading is the question.
func (p DeviceRequest) Heading() string { return question(p.App, p.Asks) }

// Label is the name of the program.
func (p DeviceRequest) Label() string {
	if p.Agent == "" {
		return "Unknown app"
	}
	return p.Agent
}

// Moment is Asked as the page shows it.
func (p DeviceRequest) Moment() Moment { return Moment{At: p.Asked.UTC(), Now: p.Now} }

// DeviceDone is the page after the decision about a device.
func DeviceDone(allowed bool) Message {
	m := Message{
		Title: "Your device is connected", Text: "Return to your device. It continues in a few seconds.",
		Link: Link{Path: "/account", Text: "Your account"},
	}
	if !allowed {
		m.Title, m.Text = "Your device is not connected", "The device gets no access. You can close this page."
	}
	return m
}
