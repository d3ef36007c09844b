package passkey_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/listtest"
)

func TestEveryFieldOfAPasskeyIsStored(t *testing.T) {
	want := listtest.Filled[passkey.Passkey](nil)
	it := passkey.Encode(want)
	got, err := passkey.Decode(it)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range listtest.Differences(got, want) {
		t.Errorf("%s of a passkey is lost when it is stored", name)
	}
	listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
		_, err := passkey.Decode(it)
		return err
	})
	const layout = "aaguid B, count N, created N, cred B, flags N, key B, name S, pk user#, sk passkey#, transports L S, used N"
	if got := listtest.Layout(it); got != layout {
		t.Errorf("the item of a passkey consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
}
