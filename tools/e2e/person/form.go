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
	// passkey says that it asks for one, which a person here has not.
	passkey bool
	// fields are what it sends by itself, and asks the names of what somebody
	// can fill in.
	fields url.Values
	asks   []string
	// buttons are all that it has; yes and no are the main one, and the first of
	// the others.
	buttons []button
	yes, no *button
}

type button struct{ name, value string }

// The pages are our own and of one kind: lower-case tags, attributes in double
// quotes.
var (
	formTag   = regexp.MustCompile(`(?s)<form([^>]*)>(.*?)</form>`)
	fieldTag  = regexp.MustCompile(`<(input|button)([^>]*)>`)
	attribute = regexp.MustCompile(`([a-z_-]+)(?:="([^"]*)")?`)
	headline  = regexp.MustCompile(`(?s)<h1[^>]*>(.*?)</h1>`)
	anyTag    = regexp.MustCompile(`<[^>]*>`)
)

// forms reads the forms of a page that are sent by POST.
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

// press presses a button: the main one, or the other one of a person who says
// no.
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

// heading is the first heading of a page.
func heading(page string) string {
	m := headline.FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return strings.Join(strings.Fields(html.UnescapeString(anyTag.ReplaceAllString(m[1], " "))), " ")
}

// problem reports whether a page tells that something is wrong.
func problem(page string) bool { return strings.Contains(page, `role="alert"`) }

// Form is what the first form of a page sends when its main button is pressed,
// nil when there is none.
func Form(page string) url.Values {
	for _, f := range forms(page) {
		f.press(false)
		return f.fields
	}
	return nil
}

// FormWith is what a form of a page sends when its button of that name and value is
// pressed, or the field of that name and value is filled in with it; nil when there
// is no such form. Of several it is the first.
func FormWith(page, name, value string) url.Values {
	for _, f := range forms(page) {
		if slices.Contains(f.buttons, button{name, value}) || f.fields.Has(name) && f.fields.Get(name) == value || slices.Contains(f.asks, name) {
			f.fields.Set(name, value)
			return f.fields
		}
	}
	return nil
}

// Data is the value of the first attribute data-… of that name on a page, "" when
// there is none.
func Data(page, name string) string {
	m := regexp.MustCompile(`data-` + regexp.QuoteMeta(name) + `="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}
