package passkey_test

import (
	"testing"

	"github.com/tipstaff/tipstaff/shared/listtest"
	"github.com/tipstaff/tipstaff/shared/passkey"
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
	const layout = "aaguid B, count N, created N, cred B, flags N, key B, name S, pk user#, sk passkey#, transports L S, used N"
	if got := listtest.Layout(it); got != layout {
		t.Errorf("the item of a passkey consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
}
