package identity

import (
	"maps"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// Changing is the write of the user item that goes with every change of what a
// person signs in with, in the same transaction: a passkey, a password, an
// authenticator app, an account elsewhere. It holds while the person is neither
// disabled nor signed out everywhere since u was read, and nothing else of this was
// changed. So of two tabs that each remove one of the last two passkeys, one is
// told to look again. Set and remove are the rest of such clauses, values what set
// names; all may be empty.
func (s *Store) Changing(u *User, set, remove string, values dynamo.Item) types.TransactWriteItem {
	update := "SET #creds = :creds_next"
	if set != "" {
		update += ", " + set
	}
	if remove != "" {
		update += " REMOVE " + remove
	}
	all := dynamo.Item{
		":creds_next": dynamo.Number(u.Credentials + 1), ":creds": dynamo.Number(u.Credentials),
		":gen": dynamo.Number(u.AuthGen), ":no": dynamo.Flag(false),
	}
	maps.Copy(all, values)
	condition := "attribute_exists(pk) AND (attribute_not_exists(#disabled) OR #disabled = :no) AND " +
		same("#creds", ":creds", u.Credentials) + " AND " + same("#gen", ":gen", u.AuthGen)
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Registry, Key: Key(u.Subject),
		UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: map[string]string{
			"#creds": AttrCredentials, "#disabled": AttrDisabled, "#gen": AttrAuthGen,
		},
		ExpressionAttributeValues: all,
	}}
}

// same is the condition that a counter is as it was seen. One that was never
// raised is absent.
func same(name, value string, seen int64) string {
	if seen == 0 {
		return "(attribute_not_exists(" + name + ") OR " + name + " = " + value + ")"
	}
	return name + " = " + value
}
