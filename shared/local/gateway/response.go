package gateway

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// answer is the answer of a function in payload format 2.0.
type answer struct {
	StatusCode      json.RawMessage `json:"statusCode"`
	Headers         map[string]any  `json:"headers"`
	Cookies         []string        `json:"cookies"`
	Body            string          `json:"body"`
	IsBase64Encoded bool            `json:"isBase64Encoded"`
}

// defaultType is the content type of an answer without one.
const defaultType = "text/plain; charset=utf-8"

// respond writes the response for the answer of a function. When it returns an
// error, it has written nothing.
func respond(w http.ResponseWriter, payload []byte) error {
	status, a, err := parse(payload)
	if err != nil {
		return err
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return fmt.Errorf("the body is not base64: %w", err)
		}
	}
	header, err := responseHeaders(a)
	if err != nil {
		return err
	}
	for name, values := range header {
		w.Header()[name] = values
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // The client may have closed the connection.
	return nil
}

// parse reads an answer. An answer without a status code is the body of a response
// with status 200: a JSON string is decoded, other JSON is kept as it is.
func parse(payload []byte) (status int, a answer, err error) {
	err = json.Unmarshal(payload, &a)
	if a.StatusCode == nil {
		a = answer{Headers: map[string]any{"content-type": "application/json"}}
		if json.Unmarshal(payload, &a.Body) != nil {
			a.Body = string(payload)
		}
		return http.StatusOK, a, nil
	}
	if err != nil {
		return 0, a, fmt.Errorf("the answer has a field of a wrong type: %w", err)
	}
	status, err = strconv.Atoi(strings.Trim(string(a.StatusCode), `"`))
	if err != nil || status < 200 || status > 599 {
		return 0, a, fmt.Errorf("the answer has the status code %s", a.StatusCode)
	}
	return status, a, nil
}

// dropped are the headers that the gateway writes itself.
var dropped = map[string]bool{
	"Connection": true, "Content-Length": true, "Keep-Alive": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "Apigw-Requestid": true,
}

func responseHeaders(a answer) (http.Header, error) {
	out := make(http.Header, len(a.Headers)+3)
	for name, value := range a.Headers {
		text, err := headerText(value)
		if err != nil || !isToken(name) || !isHeaderValue(text) {
			return nil, fmt.Errorf("the answer has a header %q that is not valid", name)
		}
		if key := http.CanonicalHeaderKey(name); !dropped[key] {
			out[key] = append(out[key], text)
		}
	}
	for _, cookie := range a.Cookies {
		if !isHeaderValue(cookie) {
			return nil, errors.New("the answer has a cookie that is not valid")
		}
		out["Set-Cookie"] = append(out["Set-Cookie"], cookie)
	}
	if _, ok := out["Content-Type"]; !ok {
		out["Content-Type"] = []string{defaultType}
	}
	return out, nil
}

func headerText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return "", errors.New("it is not a string, a number or a bool")
}

// isToken reports whether name is a token (RFC 9110 §5.6.2).
func isToken(name string) bool {
	for _, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		digit := c >= '0' && c <= '9'
		if !letter && !digit && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return name != ""
}

// isHeaderValue reports whether value may stand in a header (RFC 9110 §5.5). Tab is
// the only control character that may.
func isHeaderValue(value string) bool {
	for _, c := range []byte(value) {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
