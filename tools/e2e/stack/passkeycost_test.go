package stack_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

// TestWhatAPasskeyCosts: the page costs no AWS call, and the sign-in costs two reads
// and one transaction, as the local IAM check counts them.
func TestWhatAPasskeyCosts(t *testing.T) {
	s, _ := startWith(t, fixture.Options{Capacity: true})
	device := signedIn(t, s).addPasskey()
	if status, _, page := visit(t, s).passkey(device); status != http.StatusSeeOther {
		t.Fatalf("sign-in = %d, want 303\n%s", status, said(page))
	}
	v, page, answer := visit(t, s), "", url.Values{}
	for _, tt := range []struct {
		name        string
		do          func()
		calls       string
		write, read float64
	}{
		// The keys, the upstreams and the clients are cached.
		{"the page", func() { page = v.page("/login") }, "", 0, 0},
		// The user and the passkey; the login, the count of logins, the audit entry,
		// the used challenge, the counter of the passkey, and the check of the user.
		{"the sign-in", func() {
			answer.Set("passkey", device.Get(person.Data(page, "options")))
			if status, location, page := v.ask(http.MethodPost, "/login", answer); status != http.StatusSeeOther || location != account {
				t.Errorf("sign-in = %d to %q, want the account\n%s", status, location, said(page))
			}
		}, "GetItem GetItem TransactWriteItems", 5*2 + 3, 2},
		// The login of the browser and the two reads as before. A signature cannot be
		// guessed, so no attempt is counted, and a refusal writes nothing.
		{"the same answer once more", func() {
			other := visitor{v.SignedOut(), t, s}
			if status, _, page := other.ask(http.MethodPost, "/login", answer); status != http.StatusBadRequest || other.SignedIn() {
				t.Errorf("the same answer once more = %d, signed in %v, want 400\n%s", status, other.SignedIn(), said(page))
			}
		}, "GetItem GetItem TransactWriteItems", 0, 2},
	} {
		before := s.Calls(contract.Login.Name)
		tt.do()
		logged(t, s, contract.Login.Name)
		got := s.Calls(contract.Login.Name).Since(before)
		if calls := described(got); calls != sorted(tt.calls) || got.WriteUnits != tt.write || got.ReadUnits != tt.read {
			t.Errorf("%s made the calls %q with %v write and %v read units, want %q with %v and %v",
				tt.name, calls, got.WriteUnits, got.ReadUnits, sorted(tt.calls), tt.write, tt.read)
		}
	}
}
