package stack_test

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/tipstaff/tipstaff/tools/e2e/person"
)

var (
	appKey       = regexp.MustCompile(`<code class="all">([A-Z2-7 ]+)</code>`)
	recoveryCode = regexp.MustCompile(`<li><code>([a-z2-7-]+)</code></li>`)
)

// addApp sets up an authenticator app and returns the recovery codes.
func (v visitor) addApp(now time.Time) []string {
	v.t.Helper()
	page := v.page("/account?open=add-otp")
	key := appKey.FindStringSubmatch(page)
	if key == nil {
		v.t.Fatalf("the page shows no key:\n%s", said(page))
	}
	code, err := totp.GenerateCode(strings.ReplaceAll(key[1], " ", ""), now)
	if err != nil {
		v.t.Fatal(err)
	}
	status, _, answer := v.fill(account, page, "action", "add-otp", "code", code)
	var codes []string
	for _, m := range recoveryCode.FindAllStringSubmatch(answer, -1) {
		codes = append(codes, m[1])
	}
	if status != http.StatusOK || len(codes) != 10 {
		v.t.Fatalf("setting up the app = %d with %d recovery codes, want 10\n%s", status, len(codes), said(answer))
	}
	return codes
}

// TestRecoveryCodeAtOnce: of eight requests from two browsers with one recovery code
// one succeeds (Zitadel CVE-2025-46815). The others get "wrong" or "wait": the limit of
// guesses holds for one user across all ways to sign in.
func TestRecoveryCodeAtOnce(t *testing.T) {
	t.Parallel()
	const requests = 8
	s, clock := start(t)
	codes := signedIn(t, s).addApp(clock.now())

	browsers, steps := [2]visitor{visit(t, s), visit(t, s)}, [2]string{}
	for i, v := range browsers {
		status, _, page := v.password()
		if status != http.StatusOK || v.SignedIn() {
			t.Fatalf("the password = %d, signed in %v, want the second step\n%s", status, v.SignedIn(), said(page))
		}
		steps[i] = page
	}
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		ended = map[int]int{}
		in    []visitor
	)
	for i := range requests {
		one := visitor{browsers[i%2].SignedOut(), t, s}
		form := person.FormWith(steps[i%2], "code", codes[0])
		all.Go(func() {
			status, _, page, err := one.Ask(t.Context(), http.MethodPost, "/login", form)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ended[status]++
			if one.SignedIn() {
				in = append(in, one)
			}
			if signedIn := status == http.StatusOK && strings.Contains(page, "You have 9 recovery codes left"); signedIn != one.SignedIn() {
				t.Errorf("an answer = %d with a session %v\n%s", status, one.SignedIn(), said(page))
			}
		})
	}
	all.Wait()
	told := 0
	for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		told += ended[status]
	}
	if len(in) != 1 || ended[http.StatusOK] != 1 || told != requests {
		t.Fatalf("%d of %d were let in, answers %v, want one, and 400, 429 or 503 for the others", len(in), requests, ended)
	}
	in[0].page(account)

	// When guesses are allowed again, the code is still used, and the next one works.
	clock.pass(time.Hour)
	v := visit(t, s)
	_, _, step := v.password()
	if status, _, page := v.fill("/login", step, "code", codes[0]); status != http.StatusBadRequest || v.SignedIn() {
		t.Errorf("the code once more = %d, signed in %v, want 400\n%s", status, v.SignedIn(), said(page))
	}
	clock.pass(2 * time.Minute)
	if status, _, page := v.fill("/login", step, "code", codes[1]); status != http.StatusOK || !v.SignedIn() {
		t.Errorf("another code = %d, signed in %v, want to be in\n%s", status, v.SignedIn(), said(page))
	}
}
