package webtest

import "github.com/tipstaff/tipstaff/shared/web"

// upstream are the pages of a sign-in at an upstream that failed.
func upstream() map[string]web.Page {
	const path, reference = "/login?return=%2Faccount", "JKJaXmPLvHcESHA="
	return map[string]web.Page{
		"upstream-unknown":    web.NoUpstream(path),
		"upstream-off":        web.UpstreamOff("Google", path),
		"upstream-lost":       web.UpstreamLost("/account"),
		"upstream-denied":     web.UpstreamDenied("GitHub", path),
		"upstream-down":       web.UpstreamDown("Google", path, reference),
		"upstream-failed":     web.UpstreamFailed(long, path, reference),
		"upstream-no-account": web.UpstreamNoAccount("GitHub", path),
		"upstream-outside":    web.UpstreamOutside("Google", path, []string{"example.com", "example.org"}),
		"upstream-taken":      web.UpstreamTaken("GitHub", "/account"),
		"upstream-full":       web.UpstreamFull("/account"),
		"upstream-invited":    web.UpstreamKnown("Google", "/invite?link=t"),
	}
}
