// Package web renders the pages that people see.
//
// # Pages
//
// A page is a value, such as [Login] or [Account], and [Render] turns it into HTML. The
// routes fill in values and never see a template. This package is the only one that
// links html/template, so that the other functions start without it.
//
// # One answer, no requests
//
// Every page is one answer with its style in it, and its Content-Security-Policy allows
// the browser to load nothing. Pages work with links and forms. So injected markup can
// load nothing, and a page works on a slow network and with JavaScript switched off.
//
// # Scripts
//
// [FormPost] has a script that sends its form, and a button for browsers without
// JavaScript. The pages that use or create a passkey have a script because browsers talk
// to passkeys by script only. Without it, the other ways to sign in work. A script stands
// in the page, and the policy names it by its hash.
//
// # Texts
//
// Texts that a route chooses, such as a problem or a notice, are constants and functions
// of this package. A page with a problem says so in its title, which a screen reader
// reads first.
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
	// title is the text of the tab, without our name. A screen reader reads it
	// first.
	title() string
}

// A poster is a page with a form that leads to another server, directly or by a redirect.
// target is the source of that server, as a Content-Security-Policy names it.
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
	// policy is the part that all pages have in common. It names the style by its
	// hash. The icon is a data URL in the page.
	policy = "default-src 'none'; style-src 'sha256-" + digest(style) + "'; img-src data:; frame-ancestors 'none'; base-uri 'none'; "
)

// policyOf returns the policy of a page. The page loads nothing, no site can frame it,
// and its forms lead to this server and to the target of the page only.
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

// scriptOf returns the script of a page, or an empty string.
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

// view is the data of a template.
type view struct {
	Title string
	Style template.CSS
	// Script is empty for a page without one.
	Script template.JS
	Page   Page
}

// Render writes a page as the answer. It panics if a template does not fit its page, which
// is an error in this package.
func Render(w http.ResponseWriter, status int, page Page) {
	var body bytes.Buffer
	v := view{Title: page.title(), Style: template.CSS(style), Script: scriptOf(page), Page: page} //nolint:gosec // G203: the style is our own file
	if err := pages.ExecuteTemplate(&body, page.template(), v); err != nil {
		panic(err) // pages are our own values, not input
	}
	setHeaders(w.Header(), page)
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // a response is a buffer
}

// Redirect sends the browser to one of our paths with GET (303, RFC 9110 §15.4.4), so that
// a reload does not send a form again.
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
	// With no-referrer a browser posts our own forms with "Origin: null". With
	// same-origin other sites learn no more. A message has no form.
	h.Set("Referrer-Policy", "same-origin")
	if _, ok := page.(Message); ok {
		h.Set("Referrer-Policy", "no-referrer")
	}
}
