package web

import "time"

// Device asks for the code that a device shows. It posts csrf and user_code to
// /device.
type Device struct {
	CSRF string
	// Code is what was typed before, or what the address says.
	Code string
	// Problem says why the last try did not work; empty on the first.
	Problem string
	// RetryAfter is how long to wait before the next try has a chance.
	RetryAfter time.Duration
}

// What can be wrong with a code.
const (
	UnknownCode    = "We do not know this code. Compare it with what the device shows, or ask the device for a new one: a code is good for ten minutes."
	ExpiredCode    = "This code has expired. Ask the device for a new one."
	UsedCode       = "This code has been used already. Ask the device for a new one."
	ForeignLetters = "A code has no digits, and none of the letters A, E, I, O, U and Y. Look once more at what the device shows."
	WrongLength    = "A code has eight letters, such as BCDF-GHJK."
)

func (Device) template() string { return "device" }

func (p Device) title() string {
	if p.Problem != "" {
		return "Problem: Connect a device"
	}
	return "Connect a device"
}

// Rejected reports whether what was typed is wrong.
func (p Device) Rejected() bool {
	return p.Problem != "" && p.Problem != TooManyTries && p.Problem != ExpiredForm
}

// Wait is RetryAfter in words, empty when there is no need to wait.
func (p Device) Wait() string { return waiting(p.RetryAfter) }

// DeviceRequest asks whether a device may come in. It posts csrf, user_code,
// request and decision, Allow or Deny, to /device.
type DeviceRequest struct {
	CSRF string
	// Code is what the device shows, and Request the id of what it asked for.
	Code, Request string
	// App is the name of the application on the device.
	App string
	// Ours says that the application belongs to the operator. Otherwise,
	// Unvetted and Origin are as in Consent.
	Ours, Unvetted bool
	Origin         string
	// Who is signed in.
	Who string
	// Asks are what the application wants to do; there may be nothing.
	Asks []Ask
	// Agent is the program that asked for the code, such as "curl", and Place
	// the address prefix from which it did; empty when unknown.
	Agent, Place string
	// Asked is when that was, and Now the time from which the page counts back.
	Asked, Now time.Time
}

func (DeviceRequest) template() string { return "device-request" }
func (p DeviceRequest) title() string  { return "Let " + p.App + " in?" }

// Label is the program in words.
func (p DeviceRequest) Label() string {
	if p.Agent == "" {
		return "Unknown program"
	}
	return p.Agent
}

// Moment is Asked as the page shows it.
func (p DeviceRequest) Moment() Moment { return Moment{At: p.Asked.UTC(), Now: p.Now} }

// DeviceDone says what becomes of the device now.
func DeviceDone(allowed bool) Message {
	m := Message{
		Title: "You let the device in", Text: "Go back to it: it goes on by itself in a few seconds.",
		Link: Link{Path: "/account", Text: "Where you are signed in"},
	}
	if !allowed {
		m.Title, m.Text = "The device stays out", "It gets nothing. You can close this page."
	}
	return m
}
