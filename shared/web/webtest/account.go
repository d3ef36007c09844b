package webtest

import (
	"fmt"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/web"
)

// accounts are the account pages.
func accounts() map[string]web.Page {
	return map[string]web.Page{
		"account":          account(3),
		"account-new":      newcomer(),
		"account-alone":    account(1),
		"account-ended":    ended(),
		"account-expired":  expired(),
		"account-last":     lastWay(),
		"account-long":     overflowing(),
		"account-full":     full(),
		"passkey-add":      web.AddPasskey{CSRF: "t", Options: `{"challenge":"AQID","rp":{"name":"Tipstaff"}}`},
		"passkey-expired":  web.AddPasskey{CSRF: "t", Options: `{"challenge":"AQID"}`, Name: long, Problem: web.SlowPasskey},
		"password-set":     web.SetPassword{CSRF: "t", UserName: "ada"},
		"password-change":  web.SetPassword{CSRF: "t", UserName: "ada", Has: true},
		"password-weak":    web.SetPassword{CSRF: "t", UserName: "ada", Has: true, Problem: web.WeakPassword("is shorter than 8 characters")},
		"otp-add":          app(web.AddOTP{}),
		"otp-wrong":        app(web.AddOTP{Problem: web.WrongAppCode, Wrong: true}),
		"otp-late":         app(web.AddOTP{Problem: web.ExpiredSetup}),
		"codes-new":        web.NewCodes{CSRF: "t", Left: 3},
		"codes-new-none":   web.NewCodes{CSRF: "t"},
		"codes-shown":      web.RecoveryCodes{Codes: codes()},
		"codes-shown-once": web.RecoveryCodes{Codes: codes(), First: true},
	}
}

// account returns the page of a person with n sessions.
func account(n int) web.Account {
	p := web.Account{
		CSRF: "t", Name: "Ada Lovelace", UserName: "ada", Email: "ada@example.com", Now: noon,
		Ways: web.Ways{
			Passkeys: []web.Passkey{
				{ID: "k1", Name: "iCloud Keychain", Synced: true, Created: noon.Add(-900 * time.Hour), Used: noon.Add(-10 * time.Second)},
				{ID: "k2", Name: "Security key", Created: noon.Add(-200 * time.Hour)},
			},
			Password: true, OTP: true, OTPSince: noon.Add(-300 * time.Hour), CodesLeft: 9,
			Connected:   []web.ConnectedAccount{{ID: "l1", At: "GitHub", Label: "adalovelace", Created: noon.Add(-50 * time.Hour)}},
			Connectable: []web.Link{{Path: "/upstream/google?link=t", Text: "Google"}, {Path: "/upstream/github?link=t", Text: "GitHub"}},
		},
		Sessions: []web.Session{
			{ID: "01", Device: "Firefox on Linux", Place: "203.0.113.0/24", First: noon.Add(-3 * time.Hour), Last: noon.Add(-10 * time.Second), Current: true},
			{ID: "02", Device: "Safari on iPhone", Place: "2001:db8:7::/48", App: "Orders", First: noon.Add(-72 * time.Hour), Last: noon.Add(-25 * time.Minute)},
			{ID: "03", App: "Nightly report", First: noon.Add(-2000 * time.Hour), Last: noon.Add(-31 * time.Hour)},
		},
		Apps: []web.App{
			{
				ID: "a1", Name: "Orders", First: noon.Add(-72 * time.Hour), Last: noon.Add(-25 * time.Minute),
				Asks: []web.Ask{{Scopes: []string{"Sign you in and recognize you"}}, {Place: "Order API", Scopes: []string{"See your orders", "Order for you"}}},
			},
			{ID: "a2", Name: "Nightly report", Origin: "tools.example.org", First: noon.Add(-2000 * time.Hour), Last: noon.Add(-31 * time.Hour)},
		},
		Activity: []web.Activity{
			{What: "Signed in with a passkey", At: noon.Add(-3 * time.Hour), Device: "Firefox on Linux", Place: "203.0.113.0/24"},
			{What: "Someone tried to sign in with a wrong password, 80 times within an hour", At: noon.Add(-5 * time.Hour), Refused: true},
			{What: "Set up an authenticator app", At: noon.Add(-300 * time.Hour)},
		},
	}
	for i := len(p.Sessions); i < n; i++ {
		p.Sessions = append(p.Sessions, web.Session{
			ID: fmt.Sprintf("%02d", i), Device: "Chrome on Windows", Place: "198.51.100.0/24",
			First: noon.Add(-time.Duration(i) * time.Hour), Last: noon.Add(-time.Duration(i) * time.Minute),
		})
	}
	p.Sessions = p.Sessions[:n]
	return p
}

// newcomer returns the page of a new person with one passkey.
func newcomer() web.Account {
	p := account(1)
	p.Name, p.Email, p.Apps, p.Activity = "", "", nil, nil
	p.Ways = web.Ways{Passkeys: p.Ways.Passkeys[1:]}
	return p
}

func ended() web.Account {
	p := account(2)
	p.Notice = web.SessionEnded
	return p
}

func expired() web.Account {
	p := account(3)
	p.Problem = web.ExpiredForm
	p.Sessions[1].Here = true
	return p
}

// lastWay returns the page of a person with a connected account as the only way to sign in.
func lastWay() web.Account {
	p := account(2)
	p.Problem = web.LastWay
	p.Ways = web.Ways{
		Connected: []web.ConnectedAccount{
			{ID: "l1", At: "Google", Label: "ada@example.com", Created: noon.Add(-50 * time.Hour)},
			{ID: "l2", At: "example-sso", Off: true, Created: noon.Add(-80 * time.Hour)},
		},
		OTP: true, OTPSince: noon.Add(-time.Hour),
	}
	return p
}

func overflowing() web.Account {
	p := account(3)
	p.Name, p.UserName, p.Email = long, long, long+"@"+long+".example"
	for i := range p.Sessions {
		p.Sessions[i].Device, p.Sessions[i].App = long, long
	}
	for i := range p.Ways.Passkeys {
		p.Ways.Passkeys[i].Name = long
	}
	p.Ways.Connected[0].Label, p.Ways.Connectable[0].Text = long, long
	p.Apps[0].Name, p.Apps[0].Origin = long, long+".example"
	p.Apps[0].Asks = []web.Ask{{Place: long, Scopes: []string{long, "a:b"}}}
	for i := range p.Activity {
		p.Activity[i].What, p.Activity[i].Device = long, long
	}
	return p
}

// full returns a page with the maximum of everything.
func full() web.Account {
	p := account(20)
	for i := len(p.Ways.Passkeys); i < 10; i++ {
		p.Ways.Passkeys = append(p.Ways.Passkeys, web.Passkey{
			ID: fmt.Sprintf("%064x", i*7919), Name: fmt.Sprintf("Security key %d", i), Created: noon.Add(-time.Duration(i) * 100 * time.Hour),
		})
	}
	for i := len(p.Activity); i < 20; i++ {
		p.Activity = append(p.Activity, web.Activity{
			What: "Signed in with a password and a code", At: noon.Add(-time.Duration(300+i) * time.Hour), Device: "Chrome on Windows", Place: "198.51.100.0/24",
		})
	}
	return p
}

// app returns the setup of an authenticator app. Its picture looks like a QR code, but no
// app can read it.
func app(p web.AddOTP) web.AddOTP {
	const size = 49
	var path strings.Builder
	for y := 4; y < size-4; y++ {
		for x := 4; x < size-4; x++ {
			if (x*x*7+y*y*13+x*y)%5 < 2 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	p.CSRF, p.Setup, p.Size, p.Path = "t", "t", size, path.String()
	p.URI = "otpauth://totp/auth.example.com:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=auth.example.com"
	p.Secret = "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"
	return p
}

func codes() []string {
	var all []string
	for i := range 10 {
		all = append(all, fmt.Sprintf("k3t7-zq2a-mm5d-x6v%c", 'a'+i))
	}
	return all
}
