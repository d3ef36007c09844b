package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"
)

var errObject = errors.New("the body is not a JSON object of texts")

// ParseObject parses a JSON object with texts as its members, like a form with these
// parameters. A parameter that may come several times is a text or an array of texts.
// A member that stands there twice is refused, as in a form: parsers disagree which of
// the two counts. A null is absent.
func ParseObject(body string) (url.Values, error) {
	if !utf8.ValidString(body) {
		return nil, errObject
	}
	d := json.NewDecoder(strings.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errObject
	}
	form := url.Values{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errObject
		}
		values, err := member(d, name.(string)) // the name of a member is a string
		if err != nil {
			return nil, err
		}
		if _, twice := form[name.(string)]; twice {
			return nil, errors.New("a parameter comes more than once")
		}
		form[name.(string)] = values
	}
	if _, err := d.Token(); err != nil {
		return nil, errObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errObject
	}
	return checked(form)
}

// member reads the value of one member. An absent one is one empty text.
func member(d *json.Decoder, name string) ([]string, error) {
	first, err := d.Token()
	if err != nil {
		return nil, errObject
	}
	switch v := first.(type) {
	case nil:
		return []string{""}, nil
	case string:
		return []string{v}, nil
	}
	if first != json.Delim('[') || !repeats(name) {
		return nil, errObject
	}
	var values []string
	for d.More() {
		next, err := d.Token()
		text, ok := next.(string)
		if err != nil || !ok {
			return nil, errObject
		}
		values = append(values, text)
	}
	if _, err := d.Token(); err != nil {
		return nil, errObject
	}
	return values, nil
}
