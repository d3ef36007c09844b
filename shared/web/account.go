package web

import (
	"slices"
	"strings"
	"time"
)

// Account is the account page of a person: how they sign in, their sessions, the
// applications with access, and the recent activity. Its forms post csrf and an action to
// /account, with the fields in the comment of the action.
type Account struct {
	CSRF string
	// Name and Email may be empty. UserName is not.
	Name, UserName, Email string
	// Notice says what the last form changed. It is empty if there was none.
	Notice string
	// Problem says why the last form failed. It is empty if it did not.
	Problem  string
	Ways     Ways
	Sessions []Session
	Apps     []App
	// Activity is the recent activity, the newest first.
	Activity []Activity
	// Now is the time of the page.
	Now time.Time
}

// The actions of the account pages, with their fields. The actions that begin with "add"
// and "set" are those of the pages in accountforms.go.
const (
	ActionEnd       = "end" // id of a session
	ActionEndOthers = "end-others"
	ActionSignOut   = "sign-out"
	ActionEndApp    = "end-app" // id of an application

	ActionAddPasskey     = "add-passkey"    // passkey, name
	ActionRenamePasskey  = "rename-passkey" // id, name
	ActionRemovePasskey  = "remove-passkey" // id
	ActionSetPassword    = "set-password"   // password
	ActionRemovePassword = "remove-password"
	ActionAddOTP         = "add-otp" // setup, code
	ActionRemoveOTP      = "remove-otp"
	ActionNewCodes       = "new-codes"
	ActionUnlink         = "unlink" // id of a connected account
)

// The problems that the account pages show.
const (
	// ChangedMeanwhile is shown when another request changed the same thing first.
	ChangedMeanwhile = "Your sign-in settings changed at the same moment, perhaps in another tab. Check them, and try again."
	// LastWay is shown when a person removes the last way to sign in.
	LastWay = "This is your only way to sign in. Add another one, such as a passkey, before you remove it."
	// NoPasskeyYet is shown when the form of a passkey comes without one.
	NoPasskeyYet = "To create the passkey, choose Create passkey."
	// RefusedPasskey is shown when the answer of a device is not valid.
	RefusedPasskey = "Your device sent an answer that we cannot accept. Try again, or use another device."
	// PasskeyLimit is shown when a person has as many passkeys as possible.
	PasskeyLimit = "You have reached the maximum number of passkeys. Remove one that you no longer use."
	// PasskeyGone is shown when a form names a passkey that does not exist.
	PasskeyGone = "This passkey no longer exists. You may have removed it in another tab."
	// ExpiredSetup is shown when a code comes too late, or from another browser.
	ExpiredSetup = "This took too long, or began in another browser. Scan the new QR code instead of the old one."
	// WrongAppCode is shown when the first code of an authenticator app is wrong.
	WrongAppCode = "Incorrect code. Enter the code that the app shows now. If it happens again, check the clock of your phone."
)

// The notices that the account page shows after a change.
const (
	SessionEnded        = "Session ended."
	OtherSessionsEnded  = "All other sessions ended."
	AccessRemoved       = "The application no longer has access."
	PasskeyAdded        = "The passkey was added. You can now sign in with it."
	PasskeyRenamed      = "Passkey renamed."
	PasskeyRemoved      = "Passkey removed. You can delete it from your device, too."
	PasswordSaved       = "Password saved."
	PasswordRemoved     = "Password removed."
	AppAdded            = "Your authenticator app is set up. If you did not save your recovery codes, create new ones."
	AppRemoved          = "Authenticator app and recovery codes removed."
	AccountConnected    = "Account connected. You can now sign in with it."
	AccountDisconnected = "Account disconnected. You can no longer sign in with it."
	// Confirmed is shown when a person confirmed who they are to make a change.
	Confirmed = "Thank you. You can now make your change."
)

// The values of the parameter "open" in the address of the account page, which opens
// another page.
const (
	OpenPasskey  = "add-passkey"
	OpenPassword = "set-password"
	OpenOTP      = "add-otp"
	OpenCodes    = "new-codes"
	// OpenWays is the account page itself, after the person confirmed who they are to
	// change how they sign in.
	OpenWays = "ways"
	// OpenSessions is the account page itself, after the person confirmed who they are
	// to end sessions.
	OpenSessions = "sessions"
)

// DoneLinked is the value of the parameter "done" in the address of the account page after
// an account was connected.
const DoneLinked = "linked"

// Ways is how a person signs in.
type Ways struct {
	Passkeys []Passkey
	// Password means that the person has a password.
	Password bool
	// OTP means that the person has an authenticator app, since OTPSince. CodesLeft
	// is the number of unused recovery codes.
	OTP       bool
	OTPSince  time.Time
	CodesLeft int
	Connected []ConnectedAccount
	// Connectable are the links to connect an account, one for each upstream.
	Connectable []Link
}

// Passkey is a passkey of the person.
type Passkey struct {
	ID, Name string
	// Synced means that a service keeps the passkey on several devices.
	Synced bool
	// Created is the time of its creation, and Used of its last use. Used is zero for
	// a passkey that was never used.
	Created, Used time.Time
}

// ConnectedAccount is an account at an upstream with which the person signs in.
type ConnectedAccount struct {
	ID string
	// At is the name of the upstream, and Label the name of the account there. Label
	// is empty when unknown.
	At, Label string
	// Off means that the upstream is not available for a sign-in.
	Off     bool
	Created time.Time
}

// Session is a session of the person in a browser or an application.
type Session struct {
	ID string
	// Device is a label such as "Firefox on Linux". It is empty when unknown.
	Device string
	// Place is the prefix of an address. It is empty when unknown.
	Place string
	// App is the name of the application. It is empty for the session of the browser.
	App string
	// First is the time at which the session began, and Last the time of its last use.
	First, Last time.Time
	// Current marks the session of the browser that shows the page. Here marks a
	// session that belongs to that session and ends with it.
	Current, Here bool
}

// App is an application with access.
type App struct {
	ID, Name string
	// Origin is the origin that certainly owns an application that registered itself.
	// It is empty for other applications, or if it is unknown.
	Origin string
	// Asks is the access of the application.
	Asks []Ask
	// First is the time at which it got access, and Last the time of its last use.
	First, Last time.Time
}

// Activity is one event of the recent activity.
type Activity struct {
	// What is the text of the event.
	What string
	At   time.Time
	// Device and Place are as in [Session].
	Device, Place string
	// Refused marks an attempt that failed.
	Refused bool
}

func (Account) template() string { return "account" }

func (p Account) title() string {
	switch {
	case p.Problem != "":
		return "Error: Your account"
	case p.Notice != "":
		return p.Notice + " – Your account"
	}
	return "Your account"
}

// Who is the name of the person, or the username of a person without a name.
func (p Account) Who() string {
	if p.Name != "" {
		return p.Name
	}
	return p.UserName
}

// Others reports whether there is a session that does not belong to this browser.
func (p Account) Others() bool {
	return slices.ContainsFunc(p.Sessions, func(s Session) bool { return !s.Current && !s.Here })
}

// Moment returns t as the page shows it.
func (p Account) Moment(t time.Time) Moment { return Moment{At: t.UTC(), Now: p.Now} }

// Count returns the number of ways to sign in. An authenticator app is not a way by
// itself, and an account at an upstream that is not available does not count.
func (w Ways) Count() int {
	n := len(w.Passkeys)
	if w.Password {
		n++
	}
	for _, l := range w.Connected {
		if !l.Off {
			n++
		}
	}
	return n
}

// Last reports whether there is at most one way to sign in.
func (w Ways) Last() bool { return w.Count() <= 1 }

// Label is the text for the device.
func (s Session) Label() string {
	if s.Device == "" {
		return "Unknown device"
	}
	return s.Device
}

// Icon is the name of the icon for the device.
func (s Session) Icon() string {
	for _, small := range []string{"iPhone", "iPad", "Android", "iOS"} {
		if strings.Contains(s.Device, small) {
			return "phone"
		}
	}
	return "screen"
}

// Title is the name of the account, with the name of its upstream.
func (l ConnectedAccount) Title() string {
	if l.Label == "" {
		return l.At
	}
	return l.At + ": " + l.Label
}
