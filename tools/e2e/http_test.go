package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// client follows no redirect: the endpoints of this suite must not answer with one.
var client = &http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
}

// request is what a test sends. The zero value of a field sends nothing.
type request struct {
	method string
	path   string
	// id and secret are sent as HTTP Basic credentials.
	id, secret string
	header     http.Header
	form       url.Values
	// body is sent unchanged, instead of form.
	body string
	// from is the loopback address of the caller, as in [person.Person].
	from string
}

// answer is a response, with its body.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (r request) do(t testing.TB) answer {
	t.Helper()
	body := r.body
	if r.form != nil {
		body = r.form.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), r.method, target.url+r.path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if r.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if r.id != "" {
		req.SetBasicAuth(url.QueryEscape(r.id), url.QueryEscape(r.secret)) // RFC 6749 §2.3.1
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	c := client
	if r.from != "" {
		c = &http.Client{Timeout: client.Timeout, CheckRedirect: client.CheckRedirect, Transport: person.At(r.from)}
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	target.remember(res.Header, data)
	return answer{res.StatusCode, res.Header, data}
}

// object returns the body as a JSON object. It fails when the body or the content
// type is not JSON.
func (a answer) object(t testing.TB) map[string]any {
	t.Helper()
	mediaType, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil || (mediaType != "application/json" && mediaType != "application/problem+json") {
		t.Fatalf("Content-Type of %d %s is %q, want JSON", a.status, a.body, a.header.Get("Content-Type"))
	}
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		t.Fatalf("body %q is not a JSON object: %v", a.body, err)
	}
	return object
}

// uncached checks the headers of everything that holds a token or an error
// (RFC 6749 §5.1).
func (a answer) uncached(t testing.TB) {
	t.Helper()
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q, want no-store", got)
	}
	if got := a.header.Get("Pragma"); got != "no-cache" {
		t.Errorf("Pragma = %q, want no-cache", got)
	}
}

// tokenRequest is a token request of the demo client; change adds, replaces or, with
// nil, removes parameters.
func tokenRequest(change url.Values) request {
	form := url.Values{
		"grant_type": {"client_credentials"},
		"scope":      {target.scope},
		"resource":   {target.resource},
	}
	for name, values := range change {
		form[name] = values
	}
	return request{method: "POST", path: "/token", id: target.clientID, secret: target.clientSecret, form: form}
}

// token returns a fresh access token of the demo client.
func token(t testing.TB) string {
	t.Helper()
	a := tokenRequest(nil).do(t)
	issued, _ := a.object(t)["access_token"].(string)
	if a.status != http.StatusOK || issued == "" {
		t.Fatalf("token request = %d %s, want 200 with an access token", a.status, a.body)
	}
	return issued
}

// introspect introspects a token as the resource server.
func introspect(t testing.TB, presented string) answer {
	t.Helper()
	return request{
		method: "POST", path: "/introspect", id: target.serverID, secret: target.serverSecret,
		form: url.Values{"token": {presented}},
	}.do(t)
}
