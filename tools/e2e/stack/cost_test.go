package stack_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/iam"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// TestWhatItCosts: each operation of users and clients has a fixed price, in AWS calls
// as the local IAM check counts them, and in capacity as DynamoDB reports it. An item
// that is written or checked in a transaction is two write units, and an entry of the
// trail three, because of its index.
func TestWhatItCosts(t *testing.T) {
	const (
		one   = 2
		entry = 3
	)
	s, _ := startWith(t, fixture.Options{Capacity: true})
	phone, backend := signIn(t, s, fixture.Phone, fixture.Orders, s.BaseURL()+contract.APIPath), signIn(t, s, fixture.Backend)
	spent := phone.refresh
	laptop, desktop := openBrowser(t, s), openBrowser(t, s)
	api := ""

	form := func(path, client string, form url.Values) {
		if a := post(t, s, path, client, form); a.status != http.StatusOK {
			t.Errorf("POST %s = %d %v, want 200", path, a.status, a.object)
		}
	}
	ask := func(method, path string) {
		if status := bearer(t, s, method, path, api); status != http.StatusOK {
			t.Errorf("%s %s = %d, want 200", method, path, status)
		}
	}
	page := func(b browser, method, path string, form url.Values, want int) {
		if status, _ := b.send(t, s, method, path, form); status != want {
			t.Errorf("%s %s = %d, want %d", method, path, status, want)
		}
	}
	// Each function reads the clients and keys that it then caches.
	phone = refreshed(t, s, fixture.Phone, phone.refresh)
	form("/token", fixture.Phone, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {spent}}) // a replay
	form("/revoke", fixture.Backend, url.Values{"token": {phone.refresh}})                               // which is not Backend's
	active(t, s, phone.access)
	a := post(t, s, "/refresh", fixture.Phone, url.Values{"refresh_token": {phone.refresh}, "resource": {s.BaseURL() + contract.APIPath}})
	phone.refresh, api = tokensOf(a).refresh, tokensOf(a).access
	ask(http.MethodGet, "/sessions")
	signOut := laptop.form(t, s, "/logout")

	// Another user who has given Notes consent, and the codes of Notes.
	if err := s.AddUser(t.Context(), "grace", fixture.Password); err != nil {
		t.Fatal(err)
	}
	person := ada(s)
	person.UserName = "grace"
	redeemed(t, s, code(t, s, person))
	device := func() url.Values {
		a := post(t, s, "/device_authorization", fixture.Television, url.Values{"scope": {"openid"}})
		code, _ := a.object["device_code"].(string)
		return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {code}}
	}
	waiting, begun := device(), ""
	post(t, s, "/token", fixture.Television, device())
	pushed := func() {
		_, query, _ := strings.Cut(wish(), "?")
		parameters, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if a := post(t, s, "/par", fixture.Notes, parameters); a.status != http.StatusCreated {
			t.Errorf("POST /par = %d %v, want 201", a.status, a.object)
		}
	}
	pushed()

	for _, tt := range []struct {
		name        string
		function    contract.Function
		do          func()
		calls       string
		write, read float64
	}{
		{
			"refresh", contract.Refresh, func() { spent, phone = phone.refresh, refreshed(t, s, fixture.Phone, phone.refresh) },
			"UpdateItem", 1, 0,
		},
		// DynamoDB charges for a failed condition as for a write, and does not report
		// it.
		{
			"refresh again", contract.Refresh, func() { refreshed(t, s, fixture.Phone, spent) },
			"UpdateItem", 0, 0,
		},
		{
			"refresh of a forged token", contract.Refresh, func() { refused(t, s, fixture.Phone, forged(phone.refresh)) },
			"", 0, 0,
		},
		{
			"refresh at /token", contract.Token, func() {
				form("/token", fixture.Phone, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {phone.refresh}})
			},
			"UpdateItem", 1, 0,
		},
		{
			"introspect", contract.Introspect, func() { active(t, s, phone.access) },
			"GetItem", 0, 1,
		},
		// The counters of the address and of the account; the user name, by an
		// eventually consistent read, and the user, by a consistent one; the grant,
		// the count of grants, the audit entry and the check of the user; and the
		// refund of the attempt.
		{
			"sign in", contract.Login, func() { backend = signIn(t, s, fixture.Backend) },
			"UpdateItem UpdateItem GetItem GetItem TransactWriteItems UpdateItem", 3*one + entry + 3, 1.5,
		},
		// The browser is known, so it has a separate counter. Its earlier login is
		// read and renewed, with an audit entry and a check of the user. The grants of
		// the login are not read.
		{
			"sign in again in a browser", contract.Login, func() { desktop.signIn(t, s) },
			"UpdateItem GetItem GetItem GetItem TransactWriteItems PutItem", 2*one + entry + 2, 2.5,
		},
		{
			"revoke", contract.Revoke, func() { form("/revoke", fixture.Backend, url.Values{"token": {backend.refresh}}) },
			"GetItem TransactWriteItems", one + entry, 1,
		},
		{
			"revoke again", contract.Revoke, func() { form("/revoke", fixture.Backend, url.Values{"token": {backend.refresh}}) },
			"GetItem", 0, 1,
		},
		{
			"list", contract.MySessions, func() { ask(http.MethodGet, "/sessions") },
			"GetItem Query", 0, 2,
		},
		{
			"log out", contract.Logout, func() { page(laptop, http.MethodPost, "/logout", signOut, http.StatusSeeOther) },
			"GetItem Query TransactWriteItems Query", one + entry, 3,
		},
		// The login, and the consent of the user.
		{
			"authorize", contract.Authorize, func() { begun = code(t, s, person) },
			"GetItem GetItem", 0, 2,
		},
		// The grant, the count of grants, the audit entry, and the checks of the user
		// and of the login.
		{
			"redeem a code", contract.Token, func() { redeemed(t, s, begun) },
			"TransactWriteItems", 4*one + entry, 0,
		},
		{
			"push a request", contract.PAR, pushed,
			"PutItem", 1, 0,
		},
		// The counter of the address, and an item for each of the two codes.
		{
			"ask for a device's codes", contract.DeviceAuthorization, func() { device() },
			"UpdateItem TransactWriteItems", 2*one + 1, 0,
		},
		{
			"poll", contract.Token, func() { post(t, s, "/token", fixture.Television, waiting) },
			"UpdateItem", 1, 0,
		},
		// The phone, the desktop and the first session of the backend; the user; and
		// a second read for sessions that began in between.
		{
			"revoke all", contract.MySessions, func() { ask(http.MethodDelete, "/sessions") },
			"GetItem Query TransactWriteItems Query", 3*one + one + entry, 3,
		},
	} {
		before := s.Calls(tt.function.Name)
		tt.do()
		logged(t, s, tt.function.Name)
		got := s.Calls(tt.function.Name).Since(before)
		if calls := described(got); calls != sorted(tt.calls) || got.WriteUnits != tt.write || got.ReadUnits != tt.read {
			t.Errorf("%s made the calls %q with %v write and %v read units, want %q with %v and %v",
				tt.name, calls, got.WriteUnits, got.ReadUnits, sorted(tt.calls), tt.write, tt.read)
		}
	}
}

// described lists the calls of a tally in alphabetical order.
func described(made iam.Tally) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(made.Calls)) {
		for range made.Calls[name] {
			all = append(all, strings.TrimPrefix(name, "dynamodb:"))
		}
	}
	return strings.Join(all, " ")
}

func sorted(words string) string {
	all := strings.Fields(words)
	slices.Sort(all)
	return strings.Join(all, " ")
}

// forged returns a token with another generation under the same MAC: one character is
// changed.
func forged(token string) string {
	i := len(token) / 2
	replacement := "A"
	if token[i] == 'A' {
		replacement = "B"
	}
	return token[:i] + replacement + token[i+1:]
}

// bearer sends a request with an access token and returns the status.
func bearer(t *testing.T, s *fixture.Stack, method, path, access string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.BaseURL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+access)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}
