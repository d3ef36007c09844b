package otp

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/listtest"
)

func TestEveryFieldOfAnAppIsStored(t *testing.T) {
	want := listtest.Filled[enrolled](nil)
	it := want.encode()
	got, err := decode(want.subject, it)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range listtest.Differences(got, want) {
		t.Errorf("%s of an authenticator app is lost when it is stored", name)
	}
	listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
		_, err := decode(want.subject, it)
		return err
	}, "pk", "sk")
	if got, layout := listtest.Layout(it), "codes SS, codes_pepper S, created N, last N, pepper S, pk user#, secret B, sk otp"; got != layout {
		t.Errorf("the item of an app consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
}
