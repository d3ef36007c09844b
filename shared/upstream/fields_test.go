package upstream_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/listtest"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

func TestEveryFieldOfAnUpstreamIsStored(t *testing.T) {
	want := listtest.Filled(func(u *upstream.Upstream) {
		u.ID, u.Type, u.Issuer, u.FirstSignIn = "partner", upstream.TypeOIDC, "https://id.example.com", upstream.FirstDomains
	})
	it := upstream.Encode(want)
	got, err := upstream.Decode(it)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range listtest.Differences(got, want) {
		t.Errorf("%s of an upstream is lost when it is stored", name)
	}
	listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
		_, err := upstream.Decode(it)
		return err
	}, "pk")
	const layout = "client S, disabled BOOL, domains L S, first_sign_in S, id S, issuer S, name S, pk upstreams, rev N, scopes L S, sk upstream#, type S"
	if got := listtest.Layout(it); got != layout {
		t.Errorf("the item of an upstream consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
}
