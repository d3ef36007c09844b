package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"

	"github.com/tipstaff/tipstaff/shared/oauth"
)

// maxBody is the largest body that a client may send, in bytes.
const maxBody = 32 << 10

// maxParameters bounds the fields of one form.
const maxParameters = 100

// mediaForm and mediaJSON are the media types of bodies that clients send.
const (
	mediaForm = "application/x-www-form-urlencoded"
	mediaJSON = "application/json"
)

// IsJSON reports whether the body of a request is JSON.
func IsJSON(r *http.Request) bool { return mediaType(r) == mediaJSON }

func mediaType(r *http.Request) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// parseBody reads the body into r.PostForm. It refuses what RFC 6749 §3.1 and §3.2
// refuse: another content type, and a parameter sent twice. An empty value counts as
// absent, and so does the form of a request without a body. Parameters in the URL are
// ignored, because URLs end up in logs.
//
// Where a route takes JSON, an object of texts becomes the same form, so that a
// handler has one kind of parameters.
func parseBody(r *http.Request, takesJSON bool) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	parse := ParseForm
	switch kind := mediaType(r); {
	case kind == mediaForm, len(body) == 0 && r.Header.Get("Content-Type") == "":
	case kind == mediaJSON && takesJSON:
		parse = ParseObject
	case takesJSON:
		return oauth.Refuse(oauth.InvalidRequest, "the body must be "+mediaJSON+" or "+mediaForm)
	default:
		return oauth.Refuse(oauth.InvalidRequest, "the body must be "+mediaForm)
	}
	form, err := parse(string(body))
	if err != nil {
		return &oauth.Error{Code: oauth.InvalidRequest, Detail: err.Error()}
	}
	r.PostForm = form
	return nil
}

// Body returns the body of a request to a function with [contract.Function.Nested]. It
// refuses one that is too large, and one without the JSON media type.
func Body(r *http.Request) ([]byte, error) {
	if !IsJSON(r) {
		return nil, oauth.Refuse(oauth.InvalidRequest, "the body must be "+mediaJSON)
	}
	return readBody(r)
}

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, &oauth.Error{Code: oauth.InvalidRequest, Detail: "the body could not be read", Err: err}
	}
	if len(body) > maxBody {
		return nil, oauth.Refuse(oauth.InvalidRequest, fmt.Sprintf("the body is larger than %d bytes", maxBody))
	}
	return body, nil
}

// ParseForm parses a form body. It refuses broken escapes, control characters in names
// or values, and too many parameters. It also refuses a repeated parameter, unless
// that may be repeated (resource, RFC 8707 §2; audience, RFC 8693 §2.1). Parameters
// without a value are left out.
func ParseForm(body string) (url.Values, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, errors.New("the body is not a valid form")
	}
	return checked(form)
}

// checked applies the rules of [ParseForm] to parameters.
func checked(form url.Values) (url.Values, error) {
	if len(form) > maxParameters {
		return nil, fmt.Errorf("the form has more than %d parameters", maxParameters)
	}
	for name, values := range form {
		if repeats(name) {
			if len(values) > maxRepeats {
				return nil, fmt.Errorf("%s comes more than %d times", name, maxRepeats)
			}
			continue
		}
		if len(values) > 1 {
			return nil, errors.New("a parameter comes more than once")
		}
		if values[0] == "" {
			delete(form, name)
		}
	}
	return form, nil
}

// maxRepeats bounds the parameters that may come several times.
const maxRepeats = 10

func repeats(name string) bool { return name == "resource" || name == "audience" }
