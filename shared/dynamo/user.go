package dynamo

import "github.com/tipstaff/tipstaff/shared/contract"

// The attributes of a user's item that more than one package reads or writes. An
// absent one is false or 0.
const (
	// AttrDisabled is set while an operator has disabled the user.
	AttrDisabled = "disabled"
	// AttrAuthGen counts how often everything of the user was ended at once.
	AttrAuthGen = "auth_gen"
	// AttrCredentials counts the changes of the user's credentials.
	AttrCredentials = "creds"
	// AttrRevision counts the writes of the data that an operator sees of the user.
	AttrRevision = "rev"
)

// UserKey returns the key of a user's item in the registry.
func UserKey(subject string) Item { return Key(contract.UserPrefix.Of(subject), contract.UserSort) }

// UserIs returns the conditions on a user's item under which the user may be signed in,
// or may change their credentials: the user exists, is not disabled, and their auth_gen
// is still authGen, so nothing has signed them out everywhere since it was read. No
// other package defines these conditions, so that none has a weaker rule.
func UserIs(authGen int64) []Condition {
	return []Condition{Exists(), NotSet(AttrDisabled), Counted(AttrAuthGen, authGen)}
}

// CheckUser adds [UserIs] to a transaction. It writes nothing, so that concurrent
// sign-ins of one user do not collide with each other. A transaction that ends
// everything of the user writes the item and collides with all of them.
func CheckUser(registry, subject string, authGen int64) Write {
	return Check(registry, UserKey(subject), UserIs(authGen)...)
}

// UserChange is a change of a user's item together with other writes. Package identity
// makes it, and package session runs it when it ends everything of the user.
type UserChange struct {
	Changes
	// If are conditions on the item, in addition to its existence.
	If []Condition
	// Also are writes of the same transaction.
	Also []Write
}
