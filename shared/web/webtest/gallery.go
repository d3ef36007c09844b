// Package webtest has every page of package web in every state that a person can see.
// Tests that check all pages use [Gallery].
package webtest

import (
	"maps"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/web"
)

// noon is the time of the pages.
var noon = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// long is a name without a place to break the line.
const long = "an-account-with-a-name-of-sixty-four-characters-without-a-space"

// Gallery returns every page in every state, by name.
func Gallery() map[string]web.Page {
	gallery := map[string]web.Page{
		"home":   home(),
		"logout": web.Logout{CSRF: "t", Who: "Ada Lovelace"},
		"logout-from-app": web.Logout{
			CSRF: "t", Who: "Ada Lovelace", App: "Orders", To: "https://orders.example.com",
			ClientID: "orders-app", RedirectURI: "https://orders.example.com/bye?lang=en", State: "s&t",
		},
		"logout-expired":   web.Logout{CSRF: "t", Who: long, Problem: web.ExpiredForm},
		"consent":          consent(),
		"consent-sign-in":  signingIn(),
		"consent-nothing":  web.Consent{CSRF: "t", App: "Orders", Where: "orders.example.com", Who: "ada"},
		"consent-expired":  variant(web.Consent{Problem: web.ExpiredForm}),
		"consent-unvetted": variant(web.Consent{Unvetted: true}),
		"consent-document": variant(web.Consent{Unvetted: true, Origin: "tools.example.org"}),
		"consent-long":     endless(),
		"device":           web.Device{CSRF: "t"},
		"device-wrong":     web.Device{CSRF: "t", Code: "WDJB-MJH0", Problem: web.ForeignLetters},
		"device-throttled": web.Device{CSRF: "t", Code: "WDJB-MJHT", Problem: web.TooManyTries, RetryAfter: 32 * time.Second},
		"device-request":   device(ours),
		"device-third":     device(registered),
		"device-unvetted":  device(unvetted),
		"device-long":      device(longest),
		"device-allowed":   web.DeviceDone(true),
		"device-denied":    web.DeviceDone(false),
		"unanswered":       web.Unanswered("redirect_uri is not registered for the client", "JKJaXmPLvHcESHA="),
		"message":          web.SignedOut(),
		"message-problem":  web.Refused(503, "JKJaXmPLvHcESHA="),
		"logout-refused":   web.LogoutRefused("post_logout_redirect_uri is not registered for the client", "JKJaXmPLvHcESHA="),
	}
	maps.Copy(gallery, logins())
	maps.Copy(gallery, accounts())
	maps.Copy(gallery, recovery())
	maps.Copy(gallery, enrolling())
	maps.Copy(gallery, upstream())
	return gallery
}

func home() web.Home {
	return web.Home{Issuer: "https://auth.example.com", Documents: []web.Link{
		{Path: contract.Discovery.Path(), Text: "OpenID Connect metadata"},
		{Path: contract.Discovery.Paths[1], Text: "OAuth metadata"},
		{Path: contract.JWKS.Path(), Text: "Signing keys"},
		{Path: contract.Health.Path(), Text: "Health"},
	}}
}

func consent() web.Consent {
	return web.Consent{
		CSRF: "t", Authorization: "client_id=orders", App: "Orders", Where: "orders.example.com", Who: "Ada Lovelace", To: "https://orders.example.com",
		Asks: []web.Ask{
			{Scopes: []string{"Sign you in and recognize you", "See your email address"}},
			{Place: "Order API", Scopes: []string{"See your orders", "Order for you"}},
		},
	}
}

// signingIn returns the question of an application that requests a sign-in only.
func signingIn() web.Consent {
	p := consent()
	p.App, p.Where, p.Asks = "Billing", "billing.example.com", p.Asks[:1]
	return p
}

// variant returns the question with a problem or an origin of p.
func variant(p web.Consent) web.Consent {
	q := consent()
	q.Problem, q.Unvetted, q.Origin = p.Problem, p.Unvetted, p.Origin
	return q
}

func endless() web.Consent {
	p := consent()
	p.App, p.Where, p.Who, p.Unvetted, p.Origin = long, long, long, true, long+".example"
	p.Asks = append(p.Asks, web.Ask{Place: long, Scopes: []string{long, long, "a:b"}})
	return p
}
