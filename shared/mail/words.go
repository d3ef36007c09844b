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
		To: to, Subject: "Sign in again at " + host(issuer),
		Text: fmt.Sprintf(`Hello %s,

here is the link to choose a new way to sign in at %s:

%s

The link works once, within %s. When you have chosen, everything that
you are signed in to now ends.

Neither you nor your administrator asked for it? Then somebody else typed your
user name. You need not do anything: nothing has changed, and without this mail
nobody gets in. Do not pass the link on to anybody.
`, userName, issuer, link, words(life)),
	}
}

// Invitation returns the mail that invites a new user. The link is valid for life.
func Invitation(to, issuer, link string, life time.Duration) Message {
	return Message{
		To: to, Subject: "Your invitation to " + host(issuer),
		Text: fmt.Sprintf(`Hello,

you are invited to sign in at %s.
Choose your user name, and how you sign in, here:

%s

The link works once, within %s. It is for you alone: do not pass it on.

You expect no invitation? Then you can forget this mail: without it there is
no account.
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
