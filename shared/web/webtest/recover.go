package webtest

import (
	"time"

	"github.com/tipstaff/tipstaff/shared/web"
)

// recovery are the pages for people who cannot sign in, up to the mail.
func recovery() map[string]web.Page {
	return map[string]web.Page{
		"recover":               web.Recover{CSRF: "t"},
		"recover-empty":         web.Recover{CSRF: "t", Problem: web.NoUserName},
		"recover-expired":       web.Recover{CSRF: "t", UserName: "ada", Problem: web.ExpiredForm},
		"recover-throttled":     web.Recover{CSRF: "t", UserName: long, Problem: web.TooManyTries, RetryAfter: 32 * time.Second},
		"recover-asked":         web.RecoverAsked(),
		"recover-administrator": web.RecoverByAdministrator(),
	}
}
