package account

import (
	"context"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/identity/credential"
	"github.com/tipstaff/tipstaff/shared/identity/otp"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

const (
	// shownActivity is how many entries the page shows, of the lookedAt newest:
	// some of them have no words for a user.
	shownActivity = 20
	lookedAt      = 40

	// The details of an entry that are shown.
	detailIP       = "ip"
	detailAgent    = "agent"
	detailAMR      = "amr"
	detailBy       = "by"
	detailClient   = "client"
	detailMethod   = "method"
	detailName     = "name"
	detailUpstream = "upstream"
	detailWhy      = "why"
)

// activity returns the recent activity from the audit trail, newest first. The trail
// is eventually consistent, so that the last entries may be missing.
func (v *visit) activity(ctx context.Context, w *credential.Ways) ([]web.Activity, error) {
	entries, err := v.Trail.List(ctx, v.Sessions.DB, audit.Query{Subject: v.login.Subject, Limit: lookedAt})
	if err != nil {
		return nil, err
	}
	var all []web.Activity
	for _, e := range entries {
		n := names{upstream: called(w, e.Detail[detailUpstream])}
		if id := clientOf(e); id != "" {
			a, err := v.app(ctx, id)
			if err != nil {
				return nil, err
			}
			n.app = a.name
		}
		what := words(e, n)
		if what == "" {
			continue
		}
		all = append(all, web.Activity{
			What: what, At: e.Time(), Device: e.Detail[detailAgent], Place: e.Detail[detailIP], Refused: e.Outcome == audit.Refused,
		})
		if len(all) == shownActivity {
			break
		}
	}
	return all, nil
}

// clientOf is the client that an entry is about, if any.
func clientOf(e audit.Entry) string {
	if id, ok := strings.CutPrefix(e.Object, string(contract.ClientPrefix)); ok {
		return id
	}
	return e.Detail[detailClient]
}

// called is the name of an upstream, or its id when it was removed.
func called(w *credential.Ways, id string) string {
	for _, u := range w.Upstreams {
		if u.ID == id {
			return u.Name
		}
	}
	return id
}

// names are the display names of the application and the upstream of an entry.
type names struct{ app, upstream string }

// formerSendMail is what entries call [contract.SendMail] that it wrote before it
// had its present name.
const formerSendMail = "post"

// words describe an entry to its user, in the past tense and without a
// grammatical subject, because the user did most of it. They are empty for an
// entry that is not shown.
func words(e audit.Entry, n names) string {
	said, ok := plain[e.Action]
	if !ok {
		if say, ok := spoken[e.Action]; ok {
			said = say(e, n)
		}
	}
	mine := e.Actor == "" || e.Actor == e.Subject || e.Actor == contract.SendMail.Name || e.Actor == formerSendMail
	if said == "" || mine || e.Outcome == audit.Refused || aside[e.Action] {
		return said
	}
	return said + " (by an administrator)"
}

// plain are the words for actions that need no detail of the entry.
var plain = map[audit.Action]string{
	session.ActionRenew:     "Confirmed your identity",
	session.ActionEndOthers: "Ended all other sessions",
	audit.UserCreate:        "Account created",
	audit.UserUpdate:        "Account details changed",
	audit.UserDisable:       "Account disabled",
	audit.UserEnable:        "Account enabled",
	audit.UserInvite:        "Invitation created",
	audit.OTPAdd:            "Set up an authenticator app",
	audit.OTPRemove:         "Removed the authenticator app",
	audit.OTPCodes:          "Created new recovery codes",
	device.ActionApprove:    "Connected a device",
	device.ActionDeny:       "Did not allow a device",
}

// aside are the actions that never get the words "by an administrator": their words
// say already who acted.
var aside = map[audit.Action]bool{
	session.ActionGrant: true, session.ActionEndGrant: true, audit.PasskeyRegress: true,
}

// spoken are the words for actions that depend on the details of the entry.
var spoken = map[audit.Action]func(audit.Entry, names) string{
	session.ActionLogin: func(e audit.Entry, _ names) string { return "Signed in" + how(e.Detail[detailAMR]) },
	audit.LoginRefuse:   refusal,
	session.ActionEndLogin: func(e audit.Entry, _ names) string {
		if e.Detail[detailWhy] == session.LoggedOut {
			return "Signed out"
		}
		return "Ended a session"
	},
	session.ActionEndAll: func(e audit.Entry, _ names) string {
		if e.Detail[detailWhy] == session.Recovered {
			return "Recovered the account with a link, which ended all sessions"
		}
		return "All sessions ended"
	},
	audit.UserRecover: func(e audit.Entry, _ names) string {
		if e.Detail[detailBy] == "mail" {
			return "Recovery link sent by email"
		}
		return "Recovery link created"
	},
	session.ActionGrant:    func(_ audit.Entry, n names) string { return "Signed in to " + n.of("an application") },
	session.ActionEndGrant: endGrant,
	consent.ActionGive:     func(_ audit.Entry, n names) string { return "Gave " + n.of("an application") + " access" },
	audit.ConsentForget:    func(_ audit.Entry, n names) string { return "Removed the access of " + n.of("an application") },
	audit.UserPassword: func(e audit.Entry, _ names) string {
		switch e.Detail[credential.DetailPassword] {
		case credential.PasswordFirst:
			return "Set a password"
		case credential.PasswordRemoved:
			return "Removed the password"
		}
		if e.Detail[detailWhy] == session.Recovered {
			return "Recovered the account with a link and a new password, which ended all sessions"
		}
		return "Changed the password and ended all other sessions"
	},
	audit.PasskeyAdd:    func(e audit.Entry, _ names) string { return "Added the passkey" + quoted(e) },
	audit.PasskeyRename: func(e audit.Entry, _ names) string { return "Renamed a passkey" + to(e) },
	audit.PasskeyRemove: func(e audit.Entry, _ names) string { return "Removed the passkey" + quoted(e) },
	audit.PasskeyRegress: func(e audit.Entry, _ names) string {
		return "The passkey" + quoted(e) + " may have been copied. If you did not expect this, remove it and add a new one"
	},
	audit.LinkAdd: func(e audit.Entry, n names) string {
		if e.Outcome == audit.Refused {
			return "Tried to connect an account" + n.at() + " that is connected to another person"
		}
		return "Connected an account" + n.at()
	},
	audit.LinkRemove: func(_ audit.Entry, n names) string { return "Disconnected an account" + n.at() },
}

func (n names) of(unknown string) string {
	if n.app == "" {
		return unknown
	}
	return n.app
}

func (n names) at() string {
	if n.upstream == "" {
		return ""
	}
	return " at " + n.upstream
}

func quoted(e audit.Entry) string {
	if e.Detail[detailName] == "" {
		return ""
	}
	return " “" + e.Detail[detailName] + "”"
}

func to(e audit.Entry) string {
	if e.Detail[detailName] == "" {
		return ""
	}
	return " to" + quoted(e)
}

// how describes the sign-in method that an amr stands for.
func how(amr string) string {
	methods := strings.Fields(amr)
	has := func(method string) bool { return slices.Contains(methods, method) }
	said := ""
	switch {
	case has(oauth.AMRKey):
		return " with a passkey"
	case has(oauth.AMRPassword):
		said = " with a password"
	case has(oauth.AMRFederated):
		said = " with a connected account"
	}
	if said != "" && has(oauth.AMROTP) {
		said += " and a code"
	}
	return said
}

// refusal describes a sign-in that was refused.
func refusal(e audit.Entry, n names) string {
	said := "Someone tried to sign in"
	switch e.Detail[detailMethod] {
	case "", "password":
		said += " with a wrong password"
	case "passkey":
		said += " with a passkey that is not valid"
	case "upstream":
		said += " with an account" + n.at()
	case otp.MethodApp, otp.MethodRecovery:
		said += " with a wrong code"
	}
	if times := e.Detail[audit.DetailRefusals]; times != "" {
		said += ", " + times + " times within an hour"
	}
	return said
}

// endGrant describes why the access of an application ended.
func endGrant(e audit.Entry, n names) string {
	switch app := n.of("an application"); e.Detail[detailWhy] {
	case session.Reused, session.CodeReplayed:
		return "Signed out of " + app + ", because its access may have been copied"
	case session.LoggedOut:
		return "Signed out of " + app
	case session.Evicted:
		return "" // no user or administrator did it
	default:
		return "Ended the access of " + app
	}
}
