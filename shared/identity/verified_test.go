package identity_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/identity"
)

// An address is verified only if the item has the flag. Old items lack it, and a flag
// that cannot be read is an error.
func TestOnlyTheFlagVerifiesAnAddress(t *testing.T) {
	user := identity.User{Subject: "usr_a", UserName: "ada", Email: "ada@example.com", Revision: 1}
	for name, tt := range map[string]struct {
		change func(map[string]types.AttributeValue)
		want   bool
		fails  bool
	}{
		"absent": {change: func(map[string]types.AttributeValue) {}},
		"true": {change: func(it map[string]types.AttributeValue) {
			it["email_verified"] = &types.AttributeValueMemberBOOL{Value: true}
		}, want: true},
		"false": {change: func(it map[string]types.AttributeValue) {
			it["email_verified"] = &types.AttributeValueMemberBOOL{}
		}},
		"a text": {change: func(it map[string]types.AttributeValue) {
			it["email_verified"] = text("true")
		}, fails: true},
		"a number": {change: func(it map[string]types.AttributeValue) {
			it["email_verified"] = &types.AttributeValueMemberN{Value: "1"}
		}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			it := identity.Encode(&user)
			tt.change(it)
			got, err := identity.Decode(it)
			if (err != nil) != tt.fails || err == nil && got.EmailVerified != tt.want {
				t.Errorf("Decode(%v) = %+v, %v, want verified %v, an error %v", it, got, err, tt.want, tt.fails)
			}
		})
	}
	for _, u := range []identity.User{
		{Subject: "usr_a", UserName: "ada", Email: "ada@example.com", EmailVerified: true, Revision: 1},
		{Subject: "usr_a", UserName: "ada", Revision: 1},
	} {
		if got, err := identity.Decode(identity.Encode(&u)); err != nil || *got != u {
			t.Errorf("Decode(Encode(%+v)) = %+v, %v", u, got, err)
		}
	}
	nothing := identity.User{Subject: "usr_a", UserName: "ada", EmailVerified: true, Revision: 1}
	if got, err := identity.Decode(identity.Encode(&nothing)); err != nil || got.EmailVerified {
		t.Errorf("without an address it is verified: %+v, %v", got, err)
	}
}
