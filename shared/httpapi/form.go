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

// maxBody is the most a client may send.
const maxBody = 32 << 10

// maxParameters bounds the fields of one form.
const maxParameters = 100

// parseForm reads an application/x-www-form-urlencoded body into r.PostForm
// and refuses what RFC 6749 §3.1 and §3.2 refuse: another content type, a
// parameter sent twice. An empty value counts as absent. Parameters in the URL
// are ignored, for they end in logs.
func parseForm(r *http.Request) error {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return oauth.Refuse(oauth.InvalidRequest, "the body must be application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return &oauth.Error{Code: oauth.InvalidRequest, Detail: "the body could not be read", Err: err}
	}
	if len(body) > maxBody {
		return oauth.Refuse(oauth.InvalidRequest, fmt.Sprintf("the body is larger than %d bytes", maxBody))
	}
	form, err := ParseForm(string(body))
	if err != nil {
		return &oauth.Error{Code: oauth.InvalidRequest, Detail: err.Error()}
	}
	r.PostForm = form
	return nil
}

// ParseForm parses a form body. It refuses broken escapes, control characters
// in names or values, too many parameters, and a parameter that comes twice,
// unless it is one that may (resource, RFC 8707 §2; audience, RFC 8693 §2.1).
// Parameters without a value are left out.
func ParseForm(body string) (url.Values, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, errors.New("the body is not a valid form")
	}
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
