package token_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/route/token"
)

// A device that sends a proof when it gets its tokens has them bound to the key. A
// wrong proof costs it nothing.
func TestDeviceProvesAKey(t *testing.T) {
	l := newLiving(t)
	owner, thief := l.Prover(), l.Prover()
	for _, id := range []string{tvID, vaultID} {
		codes := l.start(id, nil)
		l.expect("pending, with a proof", owner.Prove(asking(id, codes), "/token"), oauth.AuthorizationPending)
		l.approve(codes)
		if id == vaultID {
			l.expect("without the proof that it needs", asking(id, codes), oauth.InvalidDPoPProof)
		}
		l.expect("with a proof for another place", owner.Prove(asking(id, codes), "/par"), oauth.InvalidDPoPProof)
		got := l.expect("with a proof", owner.Prove(asking(id, codes), "/token"), "")
		if got.Text("token_type") != "DPoP" || thumbprint(t, got) != owner.JKT {
			t.Errorf("answer = %s, want tokens bound to the key", got.Body)
		}
		presented := got.Text("refresh_token")
		l.expect("refresh without a proof", l.refresh(id, presented), oauth.InvalidDPoPProof)
		l.expect("refresh with another key", thief.Prove(l.refresh(id, presented), "/token"), oauth.InvalidGrant)
		l.expect("refresh with the key", owner.Prove(l.refresh(id, presented), "/token"), "")
	}
}

// An outage of the table is no verdict on the code: it still works.
func TestOutageAtThePoll(t *testing.T) {
	l := newLiving(t)
	codes := l.approve(l.start(tvID, nil))
	devices, issuer := l.devices(), l.Issuer()
	devices.Sessions = "no-such-table"
	issuer.Sessions.Registry = "no-such-table"
	for name, h := range map[string]*token.Handler{
		"the poll":   {Auth: l.Auth(), Issue: l.Issuer(), Devices: devices},
		"the tokens": {Auth: l.Auth(), Issue: issuer, Devices: l.devices()},
	} {
		got := routetest.Do(l.Route(contract.Token, h), asking(tvID, codes))
		if got.Status != 503 || got.Error() != "temporarily_unavailable" || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: answer = %d %s, want 503 temporarily_unavailable", name, got.Status, got.Body)
		}
	}
	l.live(t, 0)
	l.expect("afterwards", asking(tvID, codes), "")
}

// A poll costs one write. The first one that comes too early costs two, and one that
// gets tokens a transaction in addition. A malformed one costs nothing.
func TestCallsOfAPoll(t *testing.T) {
	l := newLiving(t)
	count := l.Count()
	l.route = l.fresh()
	l.expect("to remember client and resource", asking(tvID, l.approve(l.start(tvID, nil))), "")
	codes, proved, over := l.start(tvID, nil), l.approve(l.start(tvID, nil)), l.start(tvID, nil)
	if err := l.devices().Deny(t.Context(), l.find(over), l.by(), ""); err != nil {
		t.Fatal(err)
	}
	prover := l.Prover()
	const write, two = "UpdateItem", "UpdateItem UpdateItem"
	for _, tt := range []struct {
		name    string
		request func() *http.Request
		want    oauth.Code
		calls   string
	}{
		{"pending", func() *http.Request { return asking(tvID, codes) }, oauth.AuthorizationPending, write},
		{"too early", func() *http.Request { return asking(tvID, codes) }, oauth.SlowDown, two},
		{"too early again", func() *http.Request { return asking(tvID, codes) }, oauth.SlowDown, write},
		{"approved", func() *http.Request { return asking(tvID, l.approve(codes)) }, "", "UpdateItem TransactWriteItems"},
		{"spent", func() *http.Request { return asking(tvID, codes) }, oauth.InvalidGrant, write},
		{"denied", func() *http.Request { return asking(tvID, over) }, oauth.AccessDenied, write},
		{"with a proof", func() *http.Request { return prover.Prove(asking(tvID, proved), "/token") }, "", two + " TransactWriteItems"},
		{"malformed", func() *http.Request { return asking(tvID, codes, "device_code", "tsv_x") }, oauth.InvalidGrant, ""},
	} {
		r := tt.request()
		count.Calls = nil
		l.expect(tt.name, r, tt.want)
		if got := strings.Join(count.Calls, " "); got != tt.calls {
			t.Errorf("%s took %q, want %q", tt.name, got, tt.calls)
		}
	}
}
