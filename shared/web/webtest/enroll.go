package webtest

import (
	"time"

	"github.com/tipstaff/tipstaff/shared/web"
)

// enrolling are the pages of people with a one-time link.
func enrolling() map[string]web.Page {
	const link = "tsl_AAAA"
	options := `{"challenge":"AQ","rp":{"id":"auth.example.com","name":"Tipstaff"},"user":{"id":"AQ","name":"ada","displayName":"Ada"},"pubKeyCredParams":[]}`
	recovers := web.Choose{CSRF: "t", Link: link, UserName: "ada", Options: options}
	coded := recovers
	coded.Code = true
	with := func(p web.Choose, problem, field string) web.Choose {
		p.Problem, p.Field = problem, field
		return p
	}
	throttled := with(coded, web.TooManyTries, "code")
	throttled.RetryAfter = 32 * time.Second
	waiting := with(coded, web.WrongCode, "code")
	waiting.Made, waiting.Options = "{}", ""
	bare := with(recovers, web.TooManyPasskeys, "")
	bare.Options = ""
	return map[string]web.Page{
		"invitation": web.Invitation{CSRF: "t", Link: link},
		"invitation-upstreams": web.Invitation{
			CSRF: "t", Link: link, UserName: "ada", Name: "Ada Lovelace", Email: "ada@example.com",
			Upstreams: []web.Upstream{{ID: "google", Name: "Google"}, {ID: "staff", Name: "Example Staff"}},
		},
		"invitation-taken":   web.Invitation{CSRF: "t", Link: link, UserName: "ada", Problem: web.TakenUserName, Field: "user_name"},
		"invitation-name":    web.Invitation{CSRF: "t", Link: link, UserName: "ada", Name: long, Problem: web.BadName, Field: "name"},
		"invitation-long":    web.Invitation{CSRF: "t", Link: link, UserName: long, Name: long, Email: long + "@example.com", Problem: web.BadUserName, Field: "user_name"},
		"choose-invited":     web.Choose{CSRF: "t", Link: link, Invited: true, UserName: "ada", Name: "Ada Lovelace", Options: options},
		"choose-long":        web.Choose{CSRF: "t", Link: link, Invited: true, UserName: long, Options: options, Problem: web.ExpiredForm},
		"choose":             recovers,
		"choose-weak":        with(recovers, web.WeakPassword("is shorter than 8 characters"), "password"),
		"choose-different":   with(recovers, web.DifferentPasswords, "again"),
		"choose-passkey":     with(recovers, web.UnusablePasskey, ""),
		"choose-no-passkey":  bare,
		"choose-code":        coded,
		"choose-wrong-code":  with(coded, web.WrongCode, "code"),
		"choose-throttled":   throttled,
		"choose-made":        waiting,
		"link-unknown":       web.UnknownLink(false),
		"link-expired":       web.ExpiredLink(false),
		"link-overtaken":     web.OvertakenLink(),
		"link-used":          web.UsedLink(),
		"invitation-unknown": web.UnknownLink(true),
		"invitation-expired": web.ExpiredLink(true),
	}
}
