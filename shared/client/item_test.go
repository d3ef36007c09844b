package client_test

import (
	"fmt"
	"testing"

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
	want.FirstParty, want.Disabled, want.Revision = true, true, 7
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

// An item of a release that knew fewer attributes has their defaults; one that
// does not make sense is an error and never a weaker registration.
func TestDecodeResource(t *testing.T) {
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

func TestDecodeClientRefusesWrongTypes(t *testing.T) {
	for name := range client.EncodeClient(func() *client.Client {
		c := worker(client.HashSecret("one"))
		c.Introspects, c.RedirectURIs, c.FirstParty, c.Disabled = []string{"a"}, []string{"b"}, true, true
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
