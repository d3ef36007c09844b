package mail

import (
	"fmt"
	"strings"
	"time"
)

// The text of a mail is constant, except the user name, which has plain letters, and the
// link. A name that users choose freely could carry a text to other users.

// Recovery returns the mail for a user who lost their credentials at an issuer. The link
// is valid for life.
func Recovery(to, issuer, userName, link string, life time.Duration) Message {
	return Message{
		To: to, Subject: "Choose a new way to sign in to " + host(issuer),
		Text: fmt.Sprintf(`Hello %s,

use this link to choose a new passkey or password for %s:

%s

The link works once, within %s. When you use it, you are signed out
everywhere else.

If neither you nor your administrator requested this link, ignore this email:
nothing has changed. Someone else may have entered your username. Do not
forward this email: the link opens your account.
`, userName, issuer, link, words(life)),
	}
}

// Invitation returns the mail that invites a new user. The link is valid for life.
func Invitation(to, issuer, link string, life time.Duration) Message {
	return Message{
		To: to, Subject: "Your invitation to " + host(issuer),
		Text: fmt.Sprintf(`Hello,

you are invited to create an account at %s.
Use this link to choose your username and how you sign in:

%s

The link works once, within %s. It is for you only, so do not forward
this email.

If you did not expect an invitation, ignore this email. No account is created
until someone uses the link.
`, issuer, link, words(life)),
	}
}

func host(issuer string) string {
	_, name, _ := strings.Cut(issuer, "://")
	return name
}

// words formats a lifetime in whole days or minutes.
func words(d time.Duration) string {
	n, unit := int(d/time.Minute), "minute"
	if day := 24 * time.Hour; d >= day && d%day == 0 {
		n, unit = int(d/day), "day"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}
