package client_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

func TestClientRoundTrip(t *testing.T) {
	b := newBench(t)
	want := worker(client.HashSecret("one"), client.HashSecret("two"))
	want.Secrets[1].NotAfter = epoch
	want.Access = append(want.Access, client.Access{Resource: client.API, Scopes: []string{"ready"}}, client.Access{Resource: "urn:a:b"})
	want.Introspects = []string{"https://api.example.com"}
	want.RedirectURIs = []string{"https://app.example.com/cb"}
	want.Origins = []string{"https://app.example.com"}
	want.Idle, want.Absolute, want.Grace = time.Hour, 24*time.Hour, time.Minute
	want.FirstParty, want.Disabled, want.Revision = true, true, 7
	strict(want)
	b.put(t, client.EncodeClient(want))
	got, err := b.Client(t.Context(), "worker")
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Errorf("Client(worker) = %#v, want %#v", got, want)
	}
	if scopes, ok := got.Scopes("urn:a:b"); !ok || scopes != nil {
		t.Errorf("Scopes(urn:a:b) = %v, %v, want none, true", scopes, ok)
	}
	if scopes, ok := got.Scopes("urn:a:c"); ok {
		t.Errorf("Scopes(urn:a:c) = %v, %v, want no access", scopes, ok)
	}
}

// strict sets the fields of a client for which users sign in.
func strict(c *client.Client) {
	c.Identity = []string{oauth.ScopeOpenID, oauth.ScopeEmail}
	c.PostLogoutURIs = []string{"https://app.example.com/bye"}
	c.BackChannelURI = "https://app.example.com/logout"
	c.IDTokenAlgorithm = oauth.RS256
	c.RequirePAR, c.RequireDPoP, c.DPoPNonce = true, true, true
	c.KeySet, c.AssertionAlgorithm = []byte(`{"keys":[]}`), oauth.ES256
	c.Exchanges = []string{"https://api.example.com", client.API}
}

// Empty fields take no room in the item, and SelfRegistered is never stored: a
// decoded item is always a client that an operator registered.
func TestEmptyFieldsTakeNoRoom(t *testing.T) {
	bare := client.EncodeClient(&client.Client{ID: "c", Grace: client.DefaultGrace})
	for _, name := range []string{contract.PK, contract.SK, "rev", "id"} {
		delete(bare, name)
	}
	if len(bare) != 0 {
		t.Errorf("EncodeClient(a client of an id) has %v as well, want nothing", bare)
	}
	c, err := client.DecodeClient(client.EncodeClient(&client.Client{ID: "c", SelfRegistered: true}))
	if err != nil || c.SelfRegistered || c.KeySet != nil {
		t.Errorf("stored and read = %+v, %v, want no trace of SelfRegistered, and no keys", c, err)
	}
}

func TestExchangeNeedsAListedResource(t *testing.T) {
	c := &client.Client{Exchanges: []string{"https://api.example.com"}}
	for resource, want := range map[string]bool{"https://api.example.com": true, "https://api.example.com/": false, "": false, client.API: false} {
		if got := c.MayExchange(resource); got != want {
			t.Errorf("MayExchange(%q) = %v, want %v", resource, got, want)
		}
	}
}

// A client without lifetimes has the defaults, which is the meaning of an item of
// an earlier release. A grace of zero stays zero.
func TestMissingLifetimesHaveDefaults(t *testing.T) {
	const day = 24 * time.Hour
	tests := []struct {
		name                      string
		stored                    map[string]string
		idle, absolute, grace     time.Duration
		wantIdle, wantAbs, wantGr time.Duration
		refused                   bool
	}{
		{name: "nothing said", grace: 30 * time.Second, wantIdle: 14 * day, wantAbs: 90 * day, wantGr: 30 * time.Second},
		{name: "no grace", wantIdle: 14 * day, wantAbs: 90 * day},
		{name: "longest", idle: 365 * day, absolute: 365 * day, grace: time.Minute, wantIdle: 365 * day, wantAbs: 365 * day, wantGr: time.Minute},
		{name: "absent", stored: map[string]string{}, wantIdle: 14 * day, wantAbs: 90 * day, wantGr: 30 * time.Second},
		{name: "idle 0", stored: map[string]string{"idle": "0"}, refused: true},
		{name: "absolute too long", stored: map[string]string{"absolute": "31536001"}, refused: true},
		{name: "grace too long", stored: map[string]string{"grace": "61"}, refused: true},
		{name: "grace negative", stored: map[string]string{"grace": "-1"}, refused: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			item := client.EncodeClient(&client.Client{ID: "c", Idle: tt.idle, Absolute: tt.absolute, Grace: tt.grace})
			if tt.stored != nil {
				delete(item, "grace")
				for name, value := range tt.stored {
					item[name] = &types.AttributeValueMemberN{Value: value}
				}
			}
			c, err := client.DecodeClient(item)
			if tt.refused {
				if err == nil {
					t.Errorf("DecodeClient(%v) = %+v, want an error", tt.stored, c)
				}
				return
			}
			if err != nil || c.Idle != tt.wantIdle || c.Absolute != tt.wantAbs || c.Grace != tt.wantGr {
				t.Errorf("idle, absolute, grace = %v, %v, %v, %v, want %v, %v, %v", c.Idle, c.Absolute, c.Grace, err, tt.wantIdle, tt.wantAbs, tt.wantGr)
			}
		})
	}
}

// An item of a release with fewer attributes has their defaults. An item that is
// not valid is an error and never a weaker registration.
func TestOldResourceItemHasDefaults(t *testing.T) {
	old := client.ResourceKey("urn:a:b")
	old["id"] = &types.AttributeValueMemberS{Value: "urn:a:b"}
	r, err := client.DecodeResource(old)
	if err != nil || r.Algorithm != oauth.ES256 || r.Lifetime != client.DefaultLifetime {
		t.Errorf("DecodeResource(an item with an id only) = %+v, %v, want ES256 and 5m", r, err)
	}
	for _, seconds := range []string{"0", "-1", "3601", "a"} {
		old["lifetime"] = &types.AttributeValueMemberN{Value: seconds}
		if r, err := client.DecodeResource(old); err == nil {
			t.Errorf("DecodeResource(lifetime %s) = %+v, want an error", seconds, r)
		}
	}
}

func TestResourceRoundTrip(t *testing.T) {
	want := &client.Resource{
		ID: "https://api.example.com", Name: "API", Algorithm: oauth.RS256, Lifetime: time.Hour, Revision: 3,
		Scopes: []client.Scope{{Name: "read", Description: "Read"}, {Name: "write"}}, SelfRegistered: []string{"read"},
	}
	got, err := client.DecodeResource(client.EncodeResource(want))
	if err != nil || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Errorf("stored and read = %#v, %v, want %#v", got, err, want)
	}
	for name := range client.EncodeResource(want) {
		if name == contract.PK || name == contract.SK {
			continue
		}
		item := client.EncodeResource(want)
		item[name] = &types.AttributeValueMemberSS{Value: []string{"a"}}
		if r, err := client.DecodeResource(item); err == nil {
			t.Errorf("DecodeResource(%s a string set) = %+v, want an error", name, r)
		}
	}
}

func TestDecodeClientRefusesWrongTypes(t *testing.T) {
	for name := range client.EncodeClient(func() *client.Client {
		c := worker(client.HashSecret("one"))
		c.Introspects, c.RedirectURIs, c.FirstParty, c.Disabled = []string{"a"}, []string{"b"}, true, true
		c.Origins, c.Idle, c.Absolute = []string{"c"}, time.Hour, time.Hour
		strict(c)
		return c
	}()) {
		if name == contract.PK || name == contract.SK {
			continue
		}
		item := client.EncodeClient(worker())
		item[name] = &types.AttributeValueMemberSS{Value: []string{"a"}}
		if c, err := client.DecodeClient(item); err == nil {
			t.Errorf("DecodeClient(%s a string set) = %+v, want an error", name, c)
		}
	}
}
