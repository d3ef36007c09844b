package onetime

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/listtest"
)

func TestEveryFieldOfATicketIsStored(t *testing.T) {
	want := listtest.Filled[Link](nil, "store")
	it := encode(want)
	got, used, err := decode(want.ID, it)
	if err != nil || used {
		t.Fatalf("decode = used %t, %v, want an unused ticket", used, err)
	}
	for _, name := range listtest.Differences(got, want) {
		t.Errorf("%s of a ticket is lost when it is stored", name)
	}
	listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
		_, _, err := decode(want.ID, it)
		return err
	}, "pk", "sk", "ttl")
	const layout = "actor S, auth_gen N, created N, email S, email_verified BOOL, expires N, kind S, name S, pk ticket#, reset_otp BOOL, sk ticket, subject S, ttl N, user_name S"
	if got := listtest.Layout(it); got != layout {
		t.Errorf("the item of a ticket consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
	it["used"] = dynamo.Seconds(want.Created)
	if _, used, err := decode(want.ID, it); err != nil || !used {
		t.Errorf("decode(a ticket with the attribute used) = used %t, %v, want it used", used, err)
	}
}
