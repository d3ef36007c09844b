package oauth

// The scopes that belong to no resource: what a client may know of the person
// who signed in (OpenID Connect Core §5.4), and whether it may come back when
// they have gone (§11).
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopeOfflineAccess = "offline_access"
)

// IdentityScopes are all of these.
var IdentityScopes = []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeOfflineAccess}

// ACRSingle is the authentication context class of a sign-in with one factor.
const ACRSingle = "aal1"

// ACR is the class of a sign-in with the given methods (RFC 8176), empty when
// nobody knows how the person signed in.
func ACR(amr []string) string {
	if len(amr) == 0 {
		return ""
	}
	return ACRSingle
}
