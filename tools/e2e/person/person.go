// Package person simulates a user at a browser, on the level of HTTP.
//
// A [Person] keeps cookies, follows redirects, and fills in each page: it signs in,
// gives consent, types a code. It stops where the server redirects the browser to an
// application. No script runs and no style is loaded, so that a visit costs only the
// time of the server.
//
// The package does not depend on the look of a page. A form with a password field
// gets the password, and the main button of any other form means yes.
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

// Person is one browser of a user. With the zero values of the optional fields it
// agrees to everything. It must not be used by several goroutines at once.
type Person struct {
	// Issuer is the server that the user trusts.
	Issuer             string
	UserName, Password string
	// Code is typed where a page asks for a code, optional.
	Code string
	// Deny denies consent instead of giving it.
	Deny bool
	// From is the loopback address of the browser, optional. The server limits the
	// attempts of unknown browsers at one address.
	From string
	// Seen is called with every answer, optional.
	Seen func(http.Header, []byte)

	cookies map[string]string
	// clicking reports that a request comes from a page of the server.
	clicking bool
}

// Arrival is the end of a visit.
type Arrival struct {
	// URL is the address to which the server sent the browser, without its
	// parameters, or the address of the last page.
	URL string `json:"url"`
	// Form has the parameters of that address, from the query or from a form.
	Form url.Values `json:"form"`
	// Posted reports that they came from a form.
	Posted bool `json:"posted"`
	// Status and Page are the last answer of the server. Page is empty when the
	// answer was a redirect.
	Status int    `json:"status"`
	Page   string `json:"page"`
	// Trail has the headings of the pages that asked for something, in order.
	Trail []string `json:"trail"`
}

// steps is the largest number of answers in a visit. More is a loop.
const steps = 12

// Visit opens an address and fills in pages until the server sends the browser away
// or asks for nothing more.
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

// Ask sends a request of the browser and returns the answer. It follows no redirect.
func (p *Person) Ask(ctx context.Context, method, path string, form url.Values) (status int, location, page string, err error) {
	return p.send(ctx, method, p.Issuer+path, form)
}

// Click follows a link on a page of the server to a path. It follows no redirect.
func (p *Person) Click(ctx context.Context, path string) (status int, location, page string, err error) {
	clicks := *p
	clicks.clicking = true
	status, location, page, err = clicks.send(ctx, http.MethodGet, p.Issuer+path, nil)
	p.cookies = clicks.cookies
	return status, location, page, err
}

// SignedOut returns a browser that has the known-browser cookie of this one and is
// signed out. The server counts its attempts apart from those of unknown browsers.
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

// ours reports whether an address belongs to the server.
func (p *Person) ours(u *url.URL) bool { return u.Scheme+"://"+u.Host == p.Issuer }

// answer fills in the form that the user submits, nil when the page has none or
// shows a problem.
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

// send sends a request as a browser does and keeps the cookies of the answer. It
// returns the location of a redirect, or the page.
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
	// The jar of net/http does not send a Secure cookie over http; browsers do for
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

// At returns a transport that calls from a loopback address such as "127.1.0.1", or
// from any with "".
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
