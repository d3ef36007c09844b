package account_test

import (
	"fmt"
	"html"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/consent"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/session"
)

// happened puts entries about ada into the trail, a second apart.
func (s *scene) happened(entries ...audit.Entry) {
	s.t.Helper()
	for _, e := range entries {
		s.Pass(time.Second)
		e.Subject = s.ada
		if e.Actor == "" {
			e.Actor = s.ada
		}
		if e.Outcome == "" {
			e.Outcome = audit.Success
		}
		s.write(s.Trail().Put(s.t.Context(), e))
	}
}

func detail(pairs ...string) map[string]string {
	d := map[string]string{}
	for ; len(pairs) > 1; pairs = pairs[2:] {
		d[pairs[0]] = pairs[1]
	}
	return d
}

// TestActivityInWords: the activity is in words that a user understands who does not
// know the terms of OAuth.
func TestActivityInWords(t *testing.T) {
	s := newScene(t)
	s.upstream(nil)
	s.Register(client.Client{ID: "orders-app", Name: "Orders"})
	for want, e := range map[string]audit.Entry{
		"Signed in with a passkey":                    {Action: session.ActionLogin, Detail: detail("amr", "pop user mfa")},
		"Signed in with a password":                   {Action: session.ActionLogin, Detail: detail("amr", "pwd")},
		"Signed in with a password and a code":        {Action: session.ActionLogin, Detail: detail("amr", "pwd otp mfa")},
		"Signed in with a connected account":          {Action: session.ActionLogin, Detail: detail("amr", "fed")},
		"Confirmed your identity":                     {Action: session.ActionRenew},
		"Signed out":                                  {Action: session.ActionEndLogin, Detail: detail("why", session.LoggedOut)},
		"Ended a session":                             {Action: session.ActionEndLogin, Detail: detail("why", session.Revoked)},
		"Ended a session (by an administrator)":       {Action: session.ActionEndLogin, Actor: "operator", Detail: detail("why", session.Admin)},
		"Ended all other sessions":                    {Action: session.ActionEndOthers},
		"All sessions ended (by an administrator)":    {Action: session.ActionEndAll, Actor: "operator"},
		"Signed in to Orders":                         {Action: session.ActionGrant, Detail: detail("client", "orders-app")},
		"Ended the access of Orders":                  {Action: session.ActionEndGrant, Object: "client#orders-app", Detail: detail("why", session.Revoked)},
		"Ended the access of an application":          {Action: session.ActionEndGrant, Object: "grant#01", Detail: detail("why", session.Revoked)},
		"its access may have been copied":             {Action: session.ActionEndGrant, Object: "grant#01", Detail: detail("why", session.Reused)},
		"Gave Orders access":                          {Action: consent.ActionGive, Object: "client#orders-app"},
		"Removed the access of Orders":                {Action: audit.ConsentForget, Object: "client#orders-app"},
		"Added the passkey “Blue <key>”":              {Action: audit.PasskeyAdd, Detail: detail("name", "Blue <key>")},
		"Renamed a passkey to “Red”":                  {Action: audit.PasskeyRename, Detail: detail("name", "Red")},
		"Removed the passkey “Red”":                   {Action: audit.PasskeyRemove, Detail: detail("name", "Red")},
		"The passkey “Red” may have been copied":      {Action: audit.PasskeyRegress, Detail: detail("name", "Red")},
		"Set up an authenticator app":                 {Action: audit.OTPAdd},
		"Removed the authenticator app":               {Action: audit.OTPRemove},
		"Created new recovery codes":                  {Action: audit.OTPCodes},
		"Connected an account at Example":             {Action: audit.LinkAdd, Detail: detail("upstream", upstreamID)},
		"Disconnected an account at gone":             {Action: audit.LinkRemove, Detail: detail("upstream", "gone")},
		"Disconnected an account</p>":                 {Action: audit.LinkRemove},
		"Set a password":                              {Action: audit.UserPassword, Detail: detail("password", "first")},
		"Removed the password":                        {Action: audit.UserPassword, Detail: detail("password", "removed")},
		"Changed the password and ended":              {Action: audit.UserPassword, Detail: detail("why", session.Password)},
		"all other sessions (by an administrator)":    {Action: audit.UserPassword, Actor: "operator", Detail: detail("why", session.Password)},
		"Account disabled (by an administrator)":      {Action: audit.UserDisable, Actor: "operator"},
		"Account enabled (by an administrator)":       {Action: audit.UserEnable, Actor: "operator"},
		"Recovery link created (by an administrator)": {Action: audit.UserRecover, Actor: "operator"},
		"Recovery link sent by email</p>":             {Action: audit.UserRecover, Actor: contract.SendMail.Name, Detail: detail("by", "mail")},
		"Recovered the account with a link, which":    {Action: session.ActionEndAll, Detail: detail("why", session.Recovered)},
		"Tried to connect an account at Example that is connected to another person": {Action: audit.LinkAdd, Outcome: audit.Refused, Detail: detail("upstream", upstreamID)},
		"sign in with an account at Example":                                         {Action: audit.LoginRefuse, Outcome: audit.Refused, Detail: detail("method", "upstream", "upstream", upstreamID)},
		"Recovered the account with a link and a new password":                       {Action: audit.UserPassword, Detail: detail("why", session.Recovered)},
		"tried to sign in with a wrong password":                                     {Action: audit.LoginRefuse, Outcome: audit.Refused},
		"with a passkey that is not valid":                                           {Action: audit.LoginRefuse, Outcome: audit.Refused, Detail: detail("method", "passkey")},
		"with a wrong code":                                                          {Action: audit.LoginRefuse, Outcome: audit.Refused, Detail: detail("method", "otp")},
		"wrong password, 80 times within an hour":                                    {Action: audit.LoginRefuse, Outcome: audit.Refused, Detail: detail(audit.DetailRefusals, "80")},
	} {
		s.happened(e)
		page := s.Get("/account").Body
		_, activity, _ := strings.Cut(page, `id="activity"`)
		first, _, _ := strings.Cut(activity, "</li>")
		if !strings.Contains(html.UnescapeString(first), want) {
			t.Errorf("%+v is shown as %s, want %q", e, first, want)
		}
		if refused := strings.Contains(first, ">Failed<"); refused != (e.Outcome == audit.Refused) {
			t.Errorf("%+v is marked as failed: %v", e, refused)
		}
	}
}

// TestActivityShowsTheNewest: the page shows twenty entries of this user only, the
// newest first, without the entries that have no words.
func TestActivityShowsTheNewest(t *testing.T) {
	s := newScene(t)
	for i := range 25 {
		s.happened(audit.Entry{Action: audit.PasskeyRename, Detail: detail("name", fmt.Sprintf("key %02d", i), "ip", "192.0.2.0/24", "agent", "Safari on iPhone")})
		if i%3 == 0 {
			s.happened(audit.Entry{Action: audit.UserRehash})
		}
	}
	s.write(s.Trail().Put(t.Context(), audit.Entry{Actor: "eve", Subject: "usr_eve", Action: audit.PasskeyRename, Outcome: audit.Success, Detail: detail("name", "hers")}))
	got := s.Get("/account")
	says(t, "the page", got, http.StatusOK, "key 24", "key 05", "192.0.2.0/24", "Safari on iPhone")
	for _, unwanted := range []string{"key 04", "hers", "rehash", "user."} {
		if strings.Contains(got.Body, unwanted) {
			t.Errorf("the page shows %s: %s", unwanted, main(got.Body))
		}
	}
	if strings.Index(got.Body, "key 24") > strings.Index(got.Body, "key 05") {
		t.Error("the oldest comes first")
	}
}
