package webtest

import (
	"time"

	"github.com/tipstaff/tipstaff/shared/web"
)

// passkeyOptions are the request options of a page.
const passkeyOptions = `{"challenge":"AWtleTAwMDAxAAABmqHkV8Dl7nKn2sEAk9dJYq3c0L8mC1p5Zb4uVxTgRwE7hQoXWfKfD0iYtU9sM2eBn6aj","timeout":300000,"rpId":"auth.example.com","userVerification":"required"}`

// login returns the page of a stage with two upstreams.
func login() web.Login {
	return web.Login{
		CSRF: "t", Return: "/account", Passkey: passkeyOptions,
		Upstreams: []web.Upstream{{ID: "google", Name: "Google"}, {ID: "github", Name: "GitHub"}},
	}
}

// again returns the page after a form that failed.
func again(p web.Login) web.Login {
	next := login()
	next.UserName, next.Problem, next.RetryAfter = "ada", p.Problem, p.RetryAfter
	next.Confirm, next.Who, next.Strong = p.Confirm, p.Who, p.Strong
	return next
}

// logins are the sign-in pages.
func logins() map[string]web.Page {
	bare := again(web.Login{Confirm: true, Who: "ada"})
	bare.Passwordless = true
	forApp, plain, wide := login(), login(), again(web.Login{Confirm: true, Who: long})
	forApp.UserName, forApp.Return, forApp.To, forApp.Strong = "ada", "/authorize?client_id=orders", "https://app.example.com", true
	plain.Upstreams = nil
	wide.Upstreams = append(wide.Upstreams, web.Upstream{ID: "long", Name: long})
	step := web.SecondStep{Step: "tsx_t", Who: "ada", Return: "/authorize?client_id=orders", To: "https://app.example.com"}
	wrong, slow := step, step
	wrong.Problem = web.WrongCode
	slow.Problem, slow.RetryAfter, slow.Who = web.TooManyTries, 32*time.Second, long
	return map[string]web.Page{
		"login":           login(),
		"login-plain":     plain,
		"login-wrong":     again(web.Login{Problem: web.WrongPassword}),
		"login-throttled": again(web.Login{Problem: web.TooManyTries, RetryAfter: 32 * time.Second}),
		"login-expired":   again(web.Login{Problem: web.ExpiredForm}),
		"login-passkey":   again(web.Login{Problem: web.WrongPasskey}),
		"login-for-app":   forApp,
		"login-confirm":   again(web.Login{Confirm: true, Who: "ada"}),
		"login-bare":      bare,
		"login-unsure":    again(web.Login{Confirm: true}),
		"login-long":      wide,
		"step":            step,
		"step-wrong":      wrong,
		"step-throttled":  slow,
		"step-expired":    web.BeginAgain("/login?return=%2Faccount"),
		"step-codes":      web.CodesLeft(2, "/account"),
		"switched-off":    web.SwitchedOff("JKJaXmPLvHcESHA="),
	}
}
