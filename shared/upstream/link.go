package upstream

// LinkPurpose is what the token in a link to an upstream is for that links an
// account there to the person of a login: no page of another site can make one, so
// nobody has their own account linked to a person who is signed in here.
func LinkPurpose(upstreamID, login string) string { return "link " + upstreamID + " " + login }
