package web

import (
	"slices"
	"strings"
	"time"
)

// Account is a person's own page: how they sign in, where they are signed in, what
// they let in, and what happened lately. Its forms post csrf and an action to
// /account, with the fields that the action names.
type Account struct {
	CSRF string
	// Name and Email may be empty, UserName is not.
	Name, UserName, Email string
	// Notice says what was just done; empty when nothing was.
	Notice string
	// Problem says why what was asked for was not done; empty when it was.
	Problem  string
	Ways     Ways
	Sessions []Session
	Apps     []App
	// Activity is what happened lately, the newest first.
	Activity []Activity
	// Now is the time from which the page counts back.
	Now time.Time
}

// The actions of the account pages. Those that begin with "add" and "set" are of
// the pages of accountforms.go.
const (
	ActionEnd       = "end" // id, of a session
	ActionEndOthers = "end-others"
	ActionSignOut   = "sign-out"
	ActionEndApp    = "end-app" // id, of an application

	ActionAddPasskey     = "add-passkey"    // passkey, name
	ActionRenamePasskey  = "rename-passkey" // id, name
	ActionRemovePasskey  = "remove-passkey" // id
	ActionSetPassword    = "set-password"   // password
	ActionRemovePassword = "remove-password"
	ActionAddOTP         = "add-otp" // setup, code
	ActionRemoveOTP      = "remove-otp"
	ActionNewCodes       = "new-codes"
	ActionUnlink         = "unlink" // id, of a linked account
)

// ChangedMeanwhile is the problem of a change that others were faster than.
const ChangedMeanwhile = "How you sign in was changed at the same moment, perhaps in another tab. Look at what it is now, and try again."

// The pages behind the account page, as its address says it in the parameter "open".
const (
	OpenPasskey  = "add-passkey"
	OpenPassword = "set-password"
	OpenOTP      = "add-otp"
	OpenCodes    = "new-codes"
	// OpenWays is the account page itself, where a person goes on with what
	// they had to confirm that it is them for.
	OpenWays = "ways"
	// OpenSessions is OpenWays for what is below.
	OpenSessions = "sessions"
)

// DoneLinked is what the address of the account page says in the parameter "done"
// after an account elsewhere was linked.
const DoneLinked = "linked"

// Ways is how a person signs in.
type Ways struct {
	Passkeys []Passkey
	// Password says that there is one.
	Password bool
	// OTP says that there is an authenticator app, since OTPSince, and
	// CodesLeft how many recovery codes were not used.
	OTP       bool
	OTPSince  time.Time
	CodesLeft int
	Linked    []LinkedAccount
	// Elsewhere are the places where an account could be linked.
	Elsewhere []Link
}

// Passkey is one of a person's.
type Passkey struct {
	ID, Name string
	// Synced says that it is kept by a service that has it on several devices.
	Synced bool
	// Created, and Used: zero when it never was.
	Created, Used time.Time
}

// LinkedAccount is an account elsewhere that the person signs in with.
type LinkedAccount struct {
	ID string
	// At is the name of where it is, and Label what it is called there; empty
	// when nobody said.
	At, Label string
	// Off says that nobody can sign in from there at present.
	Off     bool
	Created time.Time
}

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

// App is an application that the person let in.
type App struct {
	ID, Name string
	// Origin is whose it is for certain, if it registered itself; or empty.
	Origin string
	// Asks are what it may do.
	Asks []Ask
	// First is when it was let in, and Last when it was here last.
	First, Last time.Time
}

// Activity is one thing that happened.
type Activity struct {
	// What happened, in words.
	What string
	At   time.Time
	// Device and Place are as in Session.
	Device, Place string
	// Refused says that it was tried and did not succeed.
	Refused bool
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

// Count is how many ways there are. An authenticator app is none by itself, and an
// account at a place from where nobody can sign in is none either.
func (w Ways) Count() int {
	n := len(w.Passkeys)
	if w.Password {
		n++
	}
	for _, l := range w.Linked {
		if !l.Off {
			n++
		}
	}
	return n
}

// Last reports whether there is no more than one way.
func (w Ways) Last() bool { return w.Count() <= 1 }

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

// Title is what the account is called.
func (l LinkedAccount) Title() string {
	if l.Label == "" {
		return l.At
	}
	return l.At + ": " + l.Label
}
