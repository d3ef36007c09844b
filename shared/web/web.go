// Package web draws the pages that people see.
//
// A page is a value, such as Login or Account, and Render turns it into HTML.
// The routes fill in values and never see a template; this package is the only
// one that links html/template, so that the other functions start without it.
//
// Every page is one answer: its style stands in it, and its
// Content-Security-Policy allows the browser to load nothing at all. What a
// page can do, it does with links and forms. A stolen look, a slow network or
// a switched-off JavaScript therefore has nothing to take hold of. One page has a
// script, FormPost, which is no page to look at: it sends itself on, and has a
// button for browsers that do not. The pages where a passkey is used or made have
// one too, because a browser talks to a passkey by script alone; without it they
// work by the other ways to sign in. A script stands in the page, and the policy
// names it by its hash.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
)

// Page is one of the page types of this package.
type Page interface {
	// template is the name of the page's template.
	template() string
	// title is what the browser shows in the tab, without our name. It is
	// the first thing that a screen reader says.
	title() string
}

// A poster is a page with a form that does not only lead to us: to target, a
// source as a policy names it, or a redirect after the form was sent leads there.
type poster interface{ target() string }

// A scripted page has a script.
type scripted interface{ script() template.JS }

var (
	//go:embed pages
	files embed.FS
	//go:embed style.css
	style string
	//go:embed passkey.js
	passkeyScript string

	// A template that does not parse is a broken build.
	pages = template.Must(template.ParseFS(files, "pages/*.html"))
	// policy names the style by its hash. The icon is in the page, too.
	policy = "default-src 'none'; style-src 'sha256-" + digest(style) + "'; img-src data:; frame-ancestors 'none'; base-uri 'none'; "
)

// policyOf is the policy of a page: nothing is loaded or framed, and nothing is
// posted elsewhere than the page has to.
func policyOf(page Page) string {
	p := policy + "form-action 'self'"
	if there, ok := page.(poster); ok && there.target() != "" {
		p += " " + there.target()
	}
	if script := scriptOf(page); script != "" {
		p += "; script-src 'sha256-" + digest(string(script)) + "'"
	}
	return p
}

// scriptOf is the script of a page, empty for none.
func scriptOf(page Page) template.JS {
	if active, ok := page.(scripted); ok {
		return active.script()
	}
	return ""
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// view is what a template sees.
type view struct {
	Title string
	Style template.CSS
	// Script is empty for a page without one.
	Script template.JS
	Page   Page
}

// Render answers with a page. A template that does not fit its page panics.
func Render(w http.ResponseWriter, status int, page Page) {
	var body bytes.Buffer
	v := view{Title: page.title(), Style: template.CSS(style), Script: scriptOf(page), Page: page} //nolint:gosec // G203: the style is our own file
	if err := pages.ExecuteTemplate(&body, page.template(), v); err != nil {
		panic(err) // the pages are values of ours, not input
	}
	setHeaders(w.Header(), page)
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the buffer of the response
}

// Redirect sends the browser on to a path of ours, to be read with GET: what a
// form changed is not changed again by reloading (RFC 9110 §15.4.4).
func Redirect(w http.ResponseWriter, path string) {
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusSeeOther)
}

func setHeaders(h http.Header, page Page) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policyOf(page))
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	// Under no-referrer a browser posts our own forms with "Origin: null".
	// Other sites learn as little from this. A message has no form.
	h.Set("Referrer-Policy", "same-origin")
	if _, ok := page.(Message); ok {
		h.Set("Referrer-Policy", "no-referrer")
	}
}
