package audience_test

import (
	"slices"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// An exchanged token never has more than the original, nor more than the client may have.
func TestExchangeNeverAddsAPermission(t *testing.T) {
	chooser, c := newPerson(t)
	c.Exchanges = []string{billing, gateway, gone, contract.APIPath, "https://no-access.example.com"}
	all := []string{"read", "write", "pay", "gw", "sessions"}
	tests := []struct {
		name      string
		own       []string
		carried   []string // all of them when left out
		requested []string
		scope     string
		audience  []string
		want      string
		code      oauth.Code
	}{
		{name: "a permitted target", requested: []string{billing}, audience: []string{billing}, want: "pay read"},
		{name: "its own target", own: []string{orders}, requested: []string{orders}, audience: []string{orders}, want: "read write"},
		{name: "both", own: []string{orders}, requested: []string{orders, billing}, audience: []string{orders, billing}, want: "read"},
		{name: "less", requested: []string{billing}, scope: "pay", audience: []string{billing}, want: "pay"},
		{name: "what it carries only", carried: []string{"read"}, requested: []string{billing}, audience: []string{billing}, want: "read"},
		{name: "more than it carries", carried: []string{"read"}, requested: []string{billing}, scope: "pay", code: oauth.InvalidScope},
		{name: "nothing of what it carries", carried: []string{"write"}, requested: []string{billing}, code: oauth.InvalidScope},
		{name: "it carries nothing", carried: []string{}, requested: []string{billing}, audience: []string{billing}},
		{name: "our API by its path below the issuer", requested: []string{ownAPI}, audience: []string{ownAPI}, want: "sessions"},
		{name: "our API as its own", own: []string{ownAPI}, requested: []string{ownAPI}, audience: []string{ownAPI}, want: "sessions"},
		{name: "who it is does not travel", carried: []string{"openid", "profile"}, requested: []string{billing}, code: oauth.InvalidScope},
		{name: "who it is, asked for", carried: []string{"openid", "read"}, requested: []string{billing}, scope: "openid", code: oauth.InvalidScope},
		{name: "the userinfo endpoint of its own", own: []string{userInfo}, requested: []string{userInfo}, code: oauth.InvalidTarget},
		{name: "a target that is neither", requested: []string{orders}, code: oauth.InvalidTarget},
		{name: "its own, where the client has no access", own: []string{"https://elsewhere.example.com"}, requested: []string{"https://elsewhere.example.com"}, code: oauth.InvalidTarget},
		{name: "permitted without access", requested: []string{"https://no-access.example.com"}, code: oauth.InvalidTarget},
		{name: "one that is gone", requested: []string{gone}, code: oauth.InvalidTarget},
		{name: "differently signed ones", requested: []string{billing, gateway}, code: oauth.InvalidTarget},
		{name: "none", own: []string{orders}, code: oauth.InvalidTarget},
		{name: "an empty one", own: []string{orders}, requested: []string{""}, code: oauth.InvalidTarget},
		{name: "no URI", requested: []string{"billing"}, code: oauth.InvalidTarget},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.carried == nil {
				tt.carried = all
			}
			carried := ""
			for _, s := range tt.carried {
				carried += " " + s
			}
			got, scope, err := chooser.Exchange(t.Context(), c, tt.own, carried, tt.requested, tt.scope)
			if code(err) != tt.code || (err != nil) != (tt.code != "") {
				t.Fatalf("Exchange(%q, %q, %q, %q) = %+v, %q, %v, want %q", tt.own, carried, tt.requested, tt.scope, got, scope, err, tt.code)
			}
			if err == nil && (!slices.Equal(got.Audience, tt.audience) || scope != tt.want) {
				t.Errorf("Exchange(%q, %q, %q, %q) = %+v, %q, want %q, %q", tt.own, carried, tt.requested, tt.scope, got, scope, tt.audience, tt.want)
			}
		})
	}
}

func TestResourceIsReadFromTheAudience(t *testing.T) {
	chooser, _ := newChooser(t)
	for audience, want := range map[string]string{ownAPI: client.API, orders: orders, userInfo: userInfo, "": ""} {
		if got := chooser.Resource(audience); got != want {
			t.Errorf("Resource(%q) = %q, want %q", audience, got, want)
		}
	}
}
