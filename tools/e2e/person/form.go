package person

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// form is a form of a page.
type form struct {
	action string
	// passkey reports that it asks for a passkey, which a [Person] does not have.
	passkey bool
	// fields are the hidden fields, and asks the names of the fields that the user
	// fills in.
	fields url.Values
	asks   []string
	// buttons are all its buttons; yes is the main one, and no the first of the
	// others.
	buttons []button
	yes, no *button
}

type button struct{ name, value string }

// The pages are our own: tags are in lower case, and attributes in double quotes.
var (
	formTag   = regexp.MustCompile(`(?s)<form([^>]*)>(.*?)</form>`)
	fieldTag  = regexp.MustCompile(`<(input|button)([^>]*)>`)
	attribute = regexp.MustCompile(`([a-z_-]+)(?:="([^"]*)")?`)
	headline  = regexp.MustCompile(`(?s)<h1[^>]*>(.*?)</h1>`)
	anyTag    = regexp.MustCompile(`<[^>]*>`)
)

// forms returns the forms of a page that are sent by POST.
func forms(page string) []*form {
	var all []*form
	for _, m := range formTag.FindAllStringSubmatch(page, -1) {
		about := attributes(m[1])
		if about["method"] != "post" {
			continue
		}
		f := &form{action: about["action"], fields: url.Values{}, passkey: about["data-passkey"] == "get"}
		for _, tag := range fieldTag.FindAllStringSubmatch(m[2], -1) {
			f.add(tag[1], attributes(tag[2]))
		}
		all = append(all, f)
	}
	return all
}

func (f *form) add(tag string, about map[string]string) {
	name, value := about["name"], about["value"]
	if tag == "button" {
		f.buttons = append(f.buttons, button{name, value})
	}
	switch {
	case tag == "button" && strings.Contains(" "+about["class"]+" ", " main "):
		f.yes = &button{name, value}
	case tag == "button":
		if f.no == nil {
			f.no = &button{name, value}
		}
	case about["type"] == "hidden":
		f.fields.Add(name, value)
	case name != "":
		if f.asks = append(f.asks, name); value != "" {
			f.fields.Set(name, value)
		}
	}
}

// press presses the main button, or the other one when the user denies.
func (f *form) press(deny bool) {
	b := f.yes
	if deny && f.no != nil {
		b = f.no
	}
	if b != nil && b.name != "" {
		f.fields.Set(b.name, b.value)
	}
}

func attributes(text string) map[string]string {
	all := map[string]string{}
	for _, m := range attribute.FindAllStringSubmatch(text, -1) {
		all[m[1]] = html.UnescapeString(m[2])
	}
	return all
}

// heading returns the first heading of a page.
func heading(page string) string {
	m := headline.FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(m[1], " "))), " ")
}

// problem reports whether a page shows a problem.
func problem(page string) bool { return strings.Contains(page, `role="alert"`) }

// Form returns the fields that the first form of a page sends when its main button is
// pressed, nil when there is no form.
func Form(page string) url.Values {
	for _, f := range forms(page) {
		f.press(false)
		return f.fields
	}
	return nil
}

// FormWith returns the fields that a form sends when its button of that name and
// value is pressed, or when its field of that name is filled in with that value. Of
// several such forms it takes the first; it returns nil when there is none.
func FormWith(page, name, value string) url.Values {
	for _, f := range forms(page) {
		if slices.Contains(f.buttons, button{name, value}) || f.fields.Has(name) && f.fields.Get(name) == value || slices.Contains(f.asks, name) {
			f.fields.Set(name, value)
			return f.fields
		}
	}
	return nil
}

// Data returns the value of the first attribute data-… of that name on a page, "" when
// there is none.
func Data(page, name string) string {
	m := regexp.MustCompile(`data-` + regexp.QuoteMeta(name) + `="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}
