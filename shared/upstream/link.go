package upstream

// LinkPurpose is the purpose of the CSRF token in a link to an upstream that connects an
// account there to the user of a session. No page of another site can make such a token. So
// an attacker cannot connect an account of their own to a user who has a session here.
func LinkPurpose(upstreamID, login string) string { return "link " + upstreamID + " " + login }
