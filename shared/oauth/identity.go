package oauth

import "slices"

// The scopes that belong to no resource: which claims about the user a client may
// receive (OpenID Connect Core §5.4), and whether it may refresh while the user is
// not present (§11).
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopeOfflineAccess = "offline_access"
)

// IdentityScopes are all scopes that belong to no resource.
var IdentityScopes = []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeOfflineAccess}

// The authentication context classes. Their models are the authenticator assurance
// levels of NIST SP 800-63B.
const (
	// ACRSingle is an authentication with one factor.
	ACRSingle = "aal1"
	// ACRMultiple is an authentication with two factors, or with a passkey that
	// verified the user by a PIN or a fingerprint.
	ACRMultiple = "aal2"
)

// ACRValues are the classes, weakest first.
var ACRValues = []string{ACRSingle, ACRMultiple}

// The authentication methods of a user (RFC 8176 §2).
const (
	AMRPassword = "pwd"
	AMROTP      = "otp" // a code of an authenticator app, or a recovery code
	AMRKey      = "pop" // a passkey
	AMRUser     = "user"
	AMRMultiple = "mfa"
	// AMRFederated is a sign-in at another issuer. RFC 8176 registers no value
	// for it. This one is in common use.
	AMRFederated = "fed"
)

// ACR returns the class of an authentication with the given methods (RFC 8176). It
// is empty when the methods are unknown.
func ACR(amr []string) string {
	switch {
	case len(amr) == 0:
		return ""
	case slices.Contains(amr, AMRMultiple):
		return ACRMultiple
	}
	return ACRSingle
}

// MeetsACR reports whether an authentication of class have satisfies class want,
// which is one of [ACRValues].
func MeetsACR(have, want string) bool {
	return slices.Index(ACRValues, have) >= slices.Index(ACRValues, want)
}
