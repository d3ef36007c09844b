package token_test

import (
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/token"
)

// A user's token has the session and the authentication. A client's own token has
// neither.
func TestOnlyAUsersTokenNamesASession(t *testing.T) {
	a := newAuthority(t)
	began := time.Unix(1_700_000_000, 0)
	r := token.Request{
		Subject: "usr_a", ClientID: "c", Audience: []string{"https://api.example.com"}, Algorithm: oauth.ES256, Lifetime: time.Minute,
		SessionID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", AuthTime: began, AMR: []string{"pwd"},
	}
	minted, err := a.minter.Mint(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.verify(minted.Value)
	if err != nil || got.SessionID != r.SessionID || got.AuthTime != began.Unix() || len(got.AMR) != 1 || got.AMR[0] != "pwd" {
		t.Errorf("verify = %+v, %v, want the session", got, err)
	}
	machine := part(t, a.mint(t, oauth.ES256, "https://api.example.com").Value, 1)
	for _, name := range []string{"sid", "auth_time", "amr"} {
		if _, there := machine[name]; there {
			t.Errorf("the token of a machine has %s: %v", name, machine)
		}
	}
}
