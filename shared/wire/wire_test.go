package wire_test

import (
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/wire"
)

func complete(f contract.Function) map[string]string {
	values := map[string]string{}
	for _, name := range f.Env() {
		values[name] = "x"
	}
	values[contract.EnvIssuer] = "https://auth.example.com"
	values[contract.EnvAuditDays] = "30"
	values[contract.EnvClientDocuments] = "any"
	values[contract.EnvRegistration] = "token"
	values[contract.EnvMail] = "ses:login@example.com"
	return values
}

func TestEveryVariableIsRequired(t *testing.T) {
	for _, f := range contract.Functions() {
		values := complete(f)
		if _, err := wire.From(f, func(n string) string { return values[n] }); err != nil {
			t.Errorf("%s: From = %v", f.Name, err)
		}
		for _, missing := range f.Env() {
			_, err := wire.From(f, func(n string) string {
				if n == missing {
					return ""
				}
				return values[n]
			})
			if err == nil || !strings.Contains(err.Error(), missing) {
				t.Errorf("%s without %s: From = %v, want an error that names it", f.Name, missing, err)
			}
		}
	}
}

func TestIssuerIsAnOrigin(t *testing.T) {
	for issuer, ok := range map[string]bool{
		"https://auth.example.com":      true,
		"http://localhost:8080":         true,
		"https://auth.example.com/":     false,
		"https://auth.example.com/path": false,
		"https://auth.example.com?x":    false,
		"https://user@auth.example.com": false,
		"auth.example.com":              false,
		"ftp://auth.example.com":        false,
		"https://":                      false,
	} {
		values := complete(contract.Token)
		values[contract.EnvIssuer] = issuer
		if _, err := wire.From(contract.Token, func(n string) string { return values[n] }); (err == nil) != ok {
			t.Errorf("issuer %q: From = %v, want accepted %v", issuer, err, ok)
		}
	}
}

func TestAuditDaysAreANumber(t *testing.T) {
	for _, days := range []string{"0", "-1", "many", "1.5"} {
		values := complete(contract.Rotate)
		values[contract.EnvAuditDays] = days
		if _, err := wire.From(contract.Rotate, func(n string) string { return values[n] }); err == nil {
			t.Errorf("%s=%q is accepted", contract.EnvAuditDays, days)
		}
	}
}

func TestClientsThatIntroduceThemselves(t *testing.T) {
	read := func(name, value string) (*wire.Env, error) {
		values := complete(contract.Token)
		values[name] = value
		return wire.From(contract.Token, func(n string) string { return values[n] })
	}
	for _, tt := range []struct {
		value           string
		off, app, other bool
	}{
		{"off", true, false, false},
		{"any", false, true, true},
		{"app.example.com", false, true, false},
		{"a.example,app.example.com", false, true, false},
		{"example.com", false, false, false},
	} {
		e, err := read(contract.EnvClientDocuments, tt.value)
		if err != nil {
			t.Errorf("%s=%q: %v", contract.EnvClientDocuments, tt.value, err)
			continue
		}
		d := e.ClientDocuments
		if d.Off() != tt.off || d.Allows("app.example.com") != tt.app || d.Allows("other.example.com") != tt.other {
			t.Errorf("%s=%q is %+v", contract.EnvClientDocuments, tt.value, d)
		}
	}
	for _, value := range []string{
		" ", "Off", "on", "*", "*.example.com", "localhost", "a.example,", ",", "a.example, b.example", "App.example.com",
		"https://a.example", "a.example/", "a.example:443", "a..example", ".example", strings.Repeat("a.example,", 200) + "a.example",
	} {
		if _, err := read(contract.EnvClientDocuments, value); err == nil || !strings.Contains(err.Error(), contract.EnvClientDocuments) {
			t.Errorf("%s=%q: %v, want an error that names it", contract.EnvClientDocuments, value, err)
		}
	}
	for _, value := range []string{"off", "token", "open"} {
		if e, err := read(contract.EnvRegistration, value); err != nil || string(e.Registration) != value {
			t.Errorf("%s=%q: %v", contract.EnvRegistration, value, err)
		}
	}
	for _, value := range []string{"on", "any", "Open", "open "} {
		if _, err := read(contract.EnvRegistration, value); err == nil || !strings.Contains(err.Error(), contract.EnvRegistration) {
			t.Errorf("%s=%q: %v, want an error that names it", contract.EnvRegistration, value, err)
		}
	}
}

func TestMail(t *testing.T) {
	read := func(value string) (*wire.Env, error) {
		values := complete(contract.SendMail)
		values[contract.EnvMail] = value
		return wire.From(contract.SendMail, func(n string) string { return values[n] })
	}
	for value, want := range map[string]contract.MailPolicy{
		"off": {}, "ses:login@example.com": {From: "login@example.com"}, "file:/var/tmp/mail": {Folder: "/var/tmp/mail"},
	} {
		if e, err := read(value); err != nil || e.Mail != want {
			t.Errorf("%s=%q: %v, want %+v", contract.EnvMail, value, err, want)
		}
	}
	for _, value := range []string{" ", "on", "ses:", "file:", "ses:login@example.com\nBcc: all@example.com"} {
		if _, err := read(value); err == nil || !strings.Contains(err.Error(), contract.EnvMail) {
			t.Errorf("%s=%q: %v, want an error that names it", contract.EnvMail, value, err)
		}
	}
	// No other package reads the environment, so no other package can misread it.
	values := complete(contract.Token)
	values[contract.EnvMail] = "nonsense"
	if e, err := wire.From(contract.Token, func(n string) string { return values[n] }); err != nil || !e.Mail.Off() {
		t.Errorf("a function without mail: %v, %v", e, err)
	}
}
