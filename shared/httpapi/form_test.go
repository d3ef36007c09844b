package httpapi_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/httpapi"
)

func TestParseForm(t *testing.T) {
	tests := []struct {
		name  string
		body  string
		want  url.Values
		fails bool
	}{
		{name: "empty", body: "", want: url.Values{}},
		{name: "plain", body: "a=1&b=2", want: url.Values{"a": {"1"}, "b": {"2"}}},
		{name: "escapes", body: "scope=a+b%20c", want: url.Values{"scope": {"a b c"}}},
		{name: "empty value is absent", body: "a=&b=2", want: url.Values{"b": {"2"}}},
		{name: "no value is absent", body: "a", want: url.Values{}},
		{name: "twice", body: "a=1&a=2", fails: true},
		{name: "twice the same", body: "a=1&a=1", fails: true},
		{name: "twice and empty", body: "a=&a=1", fails: true},
		{name: "resource may repeat", body: "resource=x&resource=y", want: url.Values{"resource": {"x", "y"}}},
		{name: "resource too often", body: strings.Repeat("resource=x&", 11), fails: true},
		{name: "broken escape", body: "a=%zz", fails: true},
		{name: "semicolon", body: "a=1;b=2", fails: true},
		{name: "too many", body: numbered(101), fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := httpapi.ParseForm(tt.body)
			if (err != nil) != tt.fails {
				t.Fatalf("ParseForm(%q) = %v, %v, want fails %v", tt.body, got, err, tt.fails)
			}
			if err == nil && got.Encode() != tt.want.Encode() {
				t.Errorf("ParseForm(%q) = %v, want %v", tt.body, got, tt.want)
			}
		})
	}
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("n", i+1) + "=1&")
	}
	return b.String()
}

// FuzzParseForm: an accepted form has no parameter twice, none without a value, and no
// broken escape.
func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{"", "a=1", "a=1&a=2", "resource=x&resource=y", "%", "a=%00", "&&=&", strings.Repeat("a", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		form, err := httpapi.ParseForm(body)
		if err != nil {
			if form != nil {
				t.Errorf("ParseForm(%q) returned a form beside the error %v", body, err)
			}
			return
		}
		for name, values := range form {
			if name == "resource" || name == "audience" {
				continue
			}
			if len(values) != 1 || values[0] == "" {
				t.Errorf("ParseForm(%q)[%q] = %q, want one value that is not empty", body, name, values)
			}
		}
	})
}

func TestParseObject(t *testing.T) {
	tests := []struct {
		name  string
		body  string
		want  url.Values
		fails bool
	}{
		{name: "empty", body: "{}", want: url.Values{}},
		{name: "texts", body: ` {"a":"1","b":"\u00e9\n"} `, want: url.Values{"a": {"1"}, "b": {"é\n"}}},
		{name: "empty text is absent", body: `{"a":"","b":"2"}`, want: url.Values{"b": {"2"}}},
		{name: "null is absent", body: `{"a":null}`, want: url.Values{}},
		{name: "resource as a list", body: `{"resource":["x","y"]}`, want: url.Values{"resource": {"x", "y"}}},
		{name: "resource as a text", body: `{"resource":"x"}`, want: url.Values{"resource": {"x"}}},
		{name: "no resource", body: `{"resource":[]}`, want: url.Values{"resource": nil}},
		{name: "resource too often", body: `{"resource":["x"` + strings.Repeat(`,"x"`, 10) + `]}`, fails: true},
		{name: "list of anything else", body: `{"a":["x"]}`, fails: true},
		{name: "list of numbers", body: `{"resource":[1]}`, fails: true},
		{name: "list in a list", body: `{"resource":[["x"]]}`, fails: true},
		{name: "number", body: `{"a":1}`, fails: true},
		{name: "object", body: `{"a":{"b":"c"}}`, fails: true},
		{name: "twice", body: `{"a":"1","a":"1"}`, fails: true},
		{name: "twice by an escape", body: `{"a":"1","\u0061":"1"}`, fails: true},
		{name: "resource twice", body: `{"resource":"x","resource":"y"}`, fails: true},
		{name: "array", body: `["a"]`, fails: true},
		{name: "text", body: `"a"`, fails: true},
		{name: "nothing", body: ``, fails: true},
		{name: "cut", body: `{"a":"1"`, fails: true},
		{name: "more behind it", body: `{"a":"1"}{}`, fails: true},
		{name: "not UTF-8", body: "{\"a\":\"\xff\"}", fails: true},
		{name: "too many", body: "{" + strings.Repeat(" ", 10) + members(101) + "}", fails: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := httpapi.ParseObject(tt.body)
			if (err != nil) != tt.fails {
				t.Fatalf("ParseObject(%q) = %v, %v, want fails %v", tt.body, got, err, tt.fails)
			}
			if err == nil && got.Encode() != tt.want.Encode() {
				t.Errorf("ParseObject(%q) = %v, want %v", tt.body, got, tt.want)
			}
		})
	}
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`"` + strings.Repeat("n", i+1) + `":"1",`)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// FuzzParseObject: an accepted object keeps the rules of a form, and has the values
// that encoding/json reads in it.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":"1"}`, `{"a":"1","a":"2"}`, `{"resource":["x","y"]}`, `{"a":null}`, `[`, `{"a":{}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		form, err := httpapi.ParseObject(body)
		if err != nil {
			if form != nil {
				t.Errorf("ParseObject(%q) returned a form beside the error %v", body, err)
			}
			return
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(body), &object); err != nil {
			t.Fatalf("ParseObject(%q) = %v, which is no JSON: %v", body, form, err)
		}
		for name, values := range form {
			if name == "resource" || name == "audience" {
				continue
			}
			if len(values) != 1 || values[0] == "" || object[name] != values[0] {
				t.Errorf("ParseObject(%q)[%q] = %q, want the one text of the object", body, name, values)
			}
		}
	})
}
