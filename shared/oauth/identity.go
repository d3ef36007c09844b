package oauth

import "slices"

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

// The authentication context classes, by the authenticator assurance levels of
// NIST SP 800-63B that they are modeled on.
const (
	// ACRSingle is a sign-in with one factor.
	ACRSingle = "aal1"
	// ACRMultiple is a sign-in with two, or with a passkey that asked for a
	// PIN or a finger.
	ACRMultiple = "aal2"
)

// ACRValues are the classes, the weakest first.
var ACRValues = []string{ACRSingle, ACRMultiple}

// How people prove who they are (RFC 8176 §2).
const (
	AMRPassword = "pwd"
	AMROTP      = "otp" // a code of an authenticator app, or a recovery code
	AMRKey      = "pop" // a passkey
	AMRUser     = "user"
	AMRMultiple = "mfa"
	// AMRFederated is a sign-in at another issuer. RFC 8176 has no value for
	// it; this is the one that others use.
	AMRFederated = "fed"
)

// ACR is the class of a sign-in with the given methods (RFC 8176), empty when
// nobody knows how the person signed in.
func ACR(amr []string) string {
	switch {
	case len(amr) == 0:
		return ""
	case slices.Contains(amr, AMRMultiple):
		return ACRMultiple
	}
	return ACRSingle
}

// MeetsACR reports whether a sign-in of class have is as good as one of class want,
// which is one of ACRValues.
func MeetsACR(have, want string) bool {
	return slices.Index(ACRValues, have) >= slices.Index(ACRValues, want)
}
