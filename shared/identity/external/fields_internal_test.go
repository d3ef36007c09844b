package external

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/listtest"
)

func TestEveryFieldOfALinkIsStored(t *testing.T) {
	want := listtest.Filled[Link](nil)
	for where, tt := range map[string]struct {
		key    dynamo.Item
		layout string
	}{
		"account": {AccountKey(want.ID), "pk linked#, sk linked"},
		"person":  {PersonKey(want.Subject, want.ID), "pk user#, sk linked#"},
	} {
		it := want.encode(tt.key)
		got, err := decode(it)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range listtest.Differences(got, want) {
			t.Errorf("%s of a link is lost when it is stored with the %s", name, where)
		}
		listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
			_, err := decode(it)
			return err
		}, "pk")
		if got, layout := listtest.Layout(it), "created N, issuer S, label S, "+tt.layout+", upstream S, user S"; got != layout {
			t.Errorf("the item of a link consists of\n%s, want what earlier releases wrote\n%s", got, layout)
		}
	}
}
