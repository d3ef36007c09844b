package web_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/web"
	"github.com/tipstaff/tipstaff/shared/web/webtest"
)

// TestPasskeyScriptIsSmallAndLoadsNothing looks at the text of the script, which stands
// in every page that uses a passkey. It asks no server for anything, turns no text into
// markup or code, and does not close the element that it stands in.
func TestPasskeyScriptIsSmallAndLoadsNothing(t *testing.T) {
	data, err := os.ReadFile("passkey.js")
	if err != nil {
		t.Fatal(err)
	}
	script := string(data)
	if len(script) > 2560 {
		t.Errorf("passkey.js has %d bytes, want at most 2560", len(script))
	}
	for _, never := range []string{
		"fetch", "XMLHttpRequest", "sendBeacon", "WebSocket", "import", "eval", "Function(", "setTimeout", "HTML", "document.write", "</", "<!--",
	} {
		if strings.Contains(script, never) {
			t.Errorf("passkey.js contains %q", never)
		}
	}
}

// TestPageWithAProblemOffersNoPasskeyByItself renders every page with and without a
// problem. A device that answers conditional requests by itself would post the form of
// a page with a problem again and again.
func TestPageWithAProblemOffersNoPasskeyByItself(t *testing.T) {
	offering := 0
	for name, page := range webtest.Gallery() {
		v := reflect.New(reflect.TypeOf(page)).Elem()
		v.Set(reflect.ValueOf(page))
		problem := v.FieldByName("Problem")
		if !problem.IsValid() || problem.Kind() != reflect.String {
			continue
		}
		problem.SetString("")
		_, clean := render(v.Interface().(web.Page))
		problem.SetString(web.WrongPasskey)
		_, bad := render(v.Interface().(web.Page))
		if offers(clean) {
			offering++
		}
		if offers(bad) {
			t.Errorf("%s with a problem has data-offer in it", name)
		}
		if strings.Contains(clean, "data-go") != strings.Contains(bad, "data-go") {
			t.Errorf("%s with a problem has another button than without", name)
		}
	}
	if offering == 0 {
		t.Error("no page offers passkeys by itself, want the sign-in page to")
	}
}

// TestOfferNeedsAField: the browser lists passkeys below a field that asks for it.
func TestOfferNeedsAField(t *testing.T) {
	for name, page := range webtest.Gallery() {
		_, body := render(page)
		if offers(body) && !strings.Contains(body, ` webauthn"`) {
			t.Errorf("%s offers passkeys and has no field for them", name)
		}
	}
}

// offers reports whether a page starts a conditional request by itself.
func offers(body string) bool { return strings.Contains(body, `data-passkey="get" data-offer`) }
