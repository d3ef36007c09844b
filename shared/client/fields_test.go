package client_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/listtest"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

// filledClient has every field that is stored, and no default.
func filledClient(c *client.Client) {
	c.Idle, c.Absolute, c.Grace = time.Hour, 2*time.Hour, time.Second
	c.SelfRegistered = false
}

func filledResource(r *client.Resource) {
	r.Algorithm, r.Lifetime = oauth.RS256, 7*time.Minute
}

func TestEveryFieldOfAClientIsStored(t *testing.T) {
	want := listtest.Filled(filledClient)
	it := client.EncodeClient(want)
	got, err := client.DecodeClient(it)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range listtest.Differences(got, want) {
		t.Errorf("%s of a client is lost when it is stored", name)
	}
	listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
		_, err := client.DecodeClient(it)
		return err
	}, "pk", "sk")
	const layout = "absolute N, access L {resource S, scopes L S}, assert_alg S, backchannel S, disabled BOOL, dpop BOOL, dpop_nonce BOOL, " +
		"exchanges L S, first_party BOOL, grace N, grants L S, id S, id_alg S, identity L S, idle N, introspects L S, jwks S, methods L S, name S, " +
		"origins L S, par BOOL, pk client#, post_logout L S, redirects L S, rev N, secrets L {exp N, id S, sha256 B}, sk client"
	if got := listtest.Layout(it); got != layout {
		t.Errorf("the item of a client consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
}

func TestEveryFieldOfAResourceIsStored(t *testing.T) {
	want := listtest.Filled(filledResource)
	it := client.EncodeResource(want)
	got, err := client.DecodeResource(it)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range listtest.Differences(got, want) {
		t.Errorf("%s of a resource is lost when it is stored", name)
	}
	listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
		_, err := client.DecodeResource(it)
		return err
	}, "pk", "sk")
	const layout = "alg S, id S, lifetime N, name S, pk resource#, rev N, scopes L {id S, text S}, self_registered L S, sk resource"
	if got := listtest.Layout(it); got != layout {
		t.Errorf("the item of a resource consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
}

func TestASecretOfAnotherLengthIsRefused(t *testing.T) {
	it := client.EncodeClient(listtest.Filled(filledClient))
	secrets := it["secrets"].(*types.AttributeValueMemberL)
	secrets.Value[0].(*types.AttributeValueMemberM).Value["sha256"] = &types.AttributeValueMemberB{Value: make([]byte, 31)}
	if c, err := client.DecodeClient(it); err == nil {
		t.Errorf("DecodeClient(a secret with a hash of 31 bytes) = %+v, want an error", c)
	}
}

func TestItemsWithoutAnIDAreRefused(t *testing.T) {
	it := client.EncodeClient(listtest.Filled(filledClient))
	delete(it, "id")
	if c, err := client.DecodeClient(it); err == nil {
		t.Errorf("DecodeClient(an item without an id) = %+v, want an error", c)
	}
	it = client.EncodeResource(listtest.Filled(filledResource))
	delete(it, "id")
	if r, err := client.DecodeResource(it); err == nil {
		t.Errorf("DecodeResource(an item without an id) = %+v, want an error", r)
	}
}
