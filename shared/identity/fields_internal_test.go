package identity

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/listtest"
)

func TestEveryFieldOfAUserIsStored(t *testing.T) {
	want := listtest.Filled(func(u *User) {
		u.password.memory, u.password.passes, u.password.lanes = memory, passes, lanes
		u.password.salt, u.password.hash = make([]byte, saltBytes), make([]byte, hashBytes)
	})
	it := Encode(want)
	// What a registry file does not speak of is written by attribute.
	it[AttrPassword], it[AttrOTP] = dynamo.Text(want.password.String()), dynamo.Flag(want.OTP)
	it[dynamo.AttrAuthGen], it[dynamo.AttrCredentials] = dynamo.Number(want.AuthGen), dynamo.Number(want.Credentials)
	got, err := Decode(it)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range listtest.Differences(got, want) {
		t.Errorf("%s of a user is lost when it is stored", name)
	}
	listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
		_, err := Decode(it)
		return err
	}, "pk", "sk", "name", "email")
	const layout = "auth_gen N, creds N, disabled BOOL, email S, email_verified BOOL, id S, name S, otp BOOL, password S, pk user#, rev N, sk user, user_name S"
	if got := listtest.Layout(it); got != layout {
		t.Errorf("the item of a user consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
	name := EncodeName(want)
	if owner := name.Text("user"); owner != want.Subject || listtest.Layout(name) != "pk username#, sk username, user S" {
		t.Errorf("the name item consists of %s and leads to %q, want pk, sk and user, which is %q", listtest.Layout(name), owner, want.Subject)
	}
}
