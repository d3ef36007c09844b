// Package person is somebody at a browser, seen from the wire.
//
// A Person keeps cookies, follows redirects, and does on each page what it asks
// for: signs in, lets the application in, types a code. They stop where the
// server sends the browser away, which is where an application takes over. No
// script runs, no style is loaded: a visit costs what the server takes.
//
// What a page looks like is not said here. A person knows that a form with a
// password wants theirs, and that the main button of any other form says yes.
package person

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Person is one browser of somebody. The zero value of what is optional says
// yes to everything. It is for one goroutine.
type Person struct {
	// Issuer is the server, whose pages the person trusts.
	Issuer             string
	UserName, Password string
	// Code is what the person types where a page asks for a code, optional.
	Code string
	// Deny says no instead of yes.
	Deny bool
	// From is the loopback address that the browser is at, optional: strangers at
	// one address can try only so often.
	From string
	// Seen is told of every answer, optional.
	Seen func(http.Header, []byte)

	cookies map[string]string
	// clicking says that a request comes from a page of the server.
	clicking bool
}

// Arrival is where a visit ended.
type Arrival struct {
	// URL is where the server sent the browser, without what it brought along,
	// or the address of the last page.
	URL string `json:"url"`
	// Form is what the browser brought along, in the query or as a form.
	Form url.Values `json:"form"`
	// Posted says that it was a form.
	Posted bool `json:"posted"`
	// Status and Page are of the last page of the server, Page empty when it
	// sent the browser away by a redirect.
	Status int    `json:"status"`
	Page   string `json:"page"`
	// Trail are the pages that asked for something, in order: their headings.
	Trail []string `json:"trail"`
}

// steps is how many answers a visit takes at most. More is a loop.
const steps = 12

// Visit opens an address and goes on until the server sends the browser away or
// asks for nothing more.
func (p *Person) Visit(ctx context.Context, address string) (*Arrival, error) {
	arrived := &Arrival{}
	method, form := http.MethodGet, url.Values(nil)
	for range steps {
		at, err := url.Parse(address)
		if err != nil {
			return nil, fmt.Errorf("visit %s: %w", address, err)
		}
		status, location, page, err := p.send(ctx, method, address, form)
		if err != nil {
			return nil, err
		}
		if location != "" {
			next, err := at.Parse(location)
			if err != nil {
				return nil, fmt.Errorf("follow %s from %s: %w", location, address, err)
			}
			if !p.ours(next) {
				arrived.Status, arrived.Form = status, next.Query()
				next.RawQuery = ""
				arrived.URL = next.String()
				return arrived, nil
			}
			address, method, form = next.String(), http.MethodGet, nil
			continue
		}
		f := p.answer(page)
		if f == nil {
			arrived.URL, arrived.Status, arrived.Page = address, status, page
			return arrived, nil
		}
		target, err := at.Parse(f.action)
		if err != nil {
			return nil, fmt.Errorf("submit the form of %s: %w", address, err)
		}
		if !p.ours(target) {
			arrived.URL, arrived.Form, arrived.Posted = target.String(), f.fields, true
			arrived.Status, arrived.Page = status, page
			return arrived, nil
		}
		arrived.Trail = append(arrived.Trail, heading(page))
		address, method, form = target.String(), http.MethodPost, f.fields
	}
	return nil, fmt.Errorf("%d answers lead from one page to the next: %q", steps, arrived.Trail)
}

// Ask sends a request of the person's browser and returns the answer, following
// nothing.
func (p *Person) Ask(ctx context.Context, method, path string, form url.Values) (status int, location, page string, err error) {
	return p.send(ctx, method, p.Issuer+path, form)
}

// Click follows a link on a page of the server to a path, and nothing behind it.
func (p *Person) Click(ctx context.Context, path string) (status int, location, page string, err error) {
	clicks := *p
	clicks.clicking = true
	status, location, page, err = clicks.send(ctx, http.MethodGet, p.Issuer+path, nil)
	p.cookies = clicks.cookies
	return status, location, page, err
}

// SignedOut returns a browser that remembers the person as this one does, and in
// which nobody is signed in. To the server it is a known one, whose sign-ins are
// not held against anybody.
func (p *Person) SignedOut() *Person {
	other := *p
	other.cookies = maps.Clone(p.cookies)
	delete(other.cookies, session)
	return &other
}

// session is the cookie of a login session.
const session = "__Host-sid"

// SignedIn reports whether the browser holds a session.
func (p *Person) SignedIn() bool { return p.cookies[session] != "" }

// ours reports whether an address is one of the server.
func (p *Person) ours(u *url.URL) bool { return u.Scheme+"://"+u.Host == p.Issuer }

// answer fills in the form of a page that the person wants to submit, nil when
// the page has none or told them that something is wrong.
func (p *Person) answer(page string) *form {
	all := slices.DeleteFunc(forms(page), func(f *form) bool { return f.passkey })
	if len(all) == 0 {
		return nil
	}
	f := all[0]
	switch {
	case slices.Contains(f.asks, "password"):
		if problem(page) {
			return nil
		}
		f.fields.Set("user_name", p.UserName)
		f.fields.Set("password", p.Password)
	case slices.Contains(f.asks, "user_code"):
		if p.Code == "" || problem(page) {
			return nil
		}
		f.fields.Set("user_code", p.Code)
	case len(f.asks) > 0 || f.yes == nil: // which is not what the page is for
		return nil
	}
	f.press(p.Deny)
	return f
}

// send sends a request as a browser does, keeps the cookies of the answer and
// returns where it leads, or its page.
func (p *Person) send(ctx context.Context, method, address string, form url.Values) (status int, location, page string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", "", err
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
	r.Header.Set("Accept", "text/html")
	if r.Header.Set("Sec-Fetch-Site", "cross-site"); p.clicking {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", p.Issuer)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	// No jar of the library sends a Secure cookie over http, as browsers do to
	// localhost.
	var cookies []string
	for _, name := range slices.Sorted(maps.Keys(p.cookies)) {
		cookies = append(cookies, name+"="+p.cookies[name])
	}
	if len(cookies) > 0 {
		r.Header.Set("Cookie", strings.Join(cookies, "; "))
	}
	res, err := At(p.From).RoundTrip(r) // follows no redirect
	if err != nil {
		return 0, "", "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, "", "", fmt.Errorf("%s %s: %w", method, address, err)
	}
	if p.Seen != nil {
		p.Seen(res.Header, body)
	}
	for _, c := range res.Cookies() {
		if p.cookies == nil {
			p.cookies = map[string]string{}
		}
		if p.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(p.cookies, c.Name)
		}
	}
	return res.StatusCode, res.Header.Get("Location"), string(body), nil
}

// At is the network at a loopback address such as "127.1.0.1", "" for any.
func At(address string) http.RoundTripper {
	if address == "" {
		return http.DefaultTransport
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, to string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp4", to)
		},
	}
}
