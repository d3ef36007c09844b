package routetest

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// Address is the network address of every request.
const Address = "203.0.113.7"

// Answer is the answer of a route.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	// JSON is the body if it is an object.
	JSON map[string]any
}

// Error returns the error code in the answer, or "".
func (a Answer) Error() string {
	code, _ := a.JSON["error"].(string)
	return code
}

// Text returns a member of the answer that is a text, or "".
func (a Answer) Text(member string) string {
	text, _ := a.JSON[member].(string)
	return text
}

// Cookie returns a cookie that the answer sets, or nil if the answer does not set it.
// A cleared cookie has a negative MaxAge.
func (a Answer) Cookie(name string) *http.Cookie {
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Form returns a POST of a form.
func Form(target string, form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// JSON returns a POST of an object, which is made of pairs of names and values.
func JSON(target string, pairs ...string) *http.Request {
	object := map[string]string{}
	for ; len(pairs) > 1; pairs = pairs[2:] {
		object[pairs[0]] = pairs[1]
	}
	body, _ := json.Marshal(object) // texts always marshal
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// Post sends a form with Basic credentials, or without if id is empty.
func Post(h http.Handler, form url.Values, id, secret string) Answer {
	r := Form("/", form)
	if id != "" {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
	}
	return Do(h, r)
}

// Do sends any request.
func Do(h http.Handler, r *http.Request) Answer {
	r.RemoteAddr = Address
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, _ := io.ReadAll(w.Body)
	a := Answer{Status: w.Code, Header: w.Header(), Body: string(body)}
	_ = json.Unmarshal(body, &a.JSON) // not every body is an object
	return a
}
