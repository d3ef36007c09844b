package dynamo

import "github.com/tipstaff/tipstaff/shared/contract"

// The attributes of a user's item that more than one package reads or writes. An
// absent one is false or 0.
const (
	// AttrDisabled is set while an operator keeps the user out.
	AttrDisabled = "disabled"
	// AttrAuthGen counts how often everything of the user was ended at once.
	AttrAuthGen = "auth_gen"
	// AttrCredentials counts changes of what the user signs in with.
	AttrCredentials = "creds"
	// AttrRevision counts the writes of what an operator sees of the user.
	AttrRevision = "rev"
)

// UserKey is the key of a user's item in the registry.
func UserKey(subject string) Item { return Key(contract.UserPrefix.Of(subject), contract.UserSort) }

// UserIs returns the conditions on a user's item under which a user may be signed
// in, or change what they sign in with, on the strength of what was read: the user
// exists, is not disabled, and nothing has ended everything of theirs since, as
// authGen was seen. They stand here alone, so that no package has a weaker one.
func UserIs(authGen int64) []Condition {
	return []Condition{Exists(), NotSet(AttrDisabled), Counted(AttrAuthGen, authGen)}
}

// CheckUser holds a transaction to [UserIs]. It writes nothing, so that many
// sign-ins of one user do not collide with each other; what ends everything of the
// user writes the item and collides with all of them.
func CheckUser(registry, subject string, authGen int64) Write {
	return Check(registry, UserKey(subject), UserIs(authGen)...)
}

// UserChange is a change of a user's item together with other writes, as package
// identity makes it and package session runs it when it ends everything of the
// user.
type UserChange struct {
	Changes
	// If are conditions on the item, beside that it exists.
	If []Condition
	// Also are writes that happen with the change or not at all.
	Also []Write
}
