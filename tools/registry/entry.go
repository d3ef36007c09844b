package registry

import (
	"fmt"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// entry is a client, a resource, an upstream or a user in the one form that a plan compares
// and a transaction writes.
type entry struct {
	kind Kind
	// id is the id in the file and in a plan: for a user the user name in lower
	// case.
	id string
	// item is everything that is stored, with the key and the revision.
	item     dynamo.Item
	revision int64
	// traits are the fields that a plan shows and compares. Two entries with equal
	// traits are the same.
	traits []trait
	// subject is the subject of its audit entries.
	subject string
	// client is the client of this entry, nil for other kinds.
	client *client.Client
}

type trait struct{ name, value string }

func resourceEntry(r *client.Resource) entry {
	e := entry{kind: KindResource, id: r.ID, item: client.EncodeResource(r), revision: r.Revision}
	e.add("name", quote(r.Name))
	e.add("algorithm", r.Algorithm)
	e.add("lifetime", short(r.Lifetime))
	e.add("self_registered", strings.Join(r.SelfRegistered, ", "))
	for _, s := range r.Scopes {
		e.add("scope "+s.Name, fmt.Sprintf("%q", s.Description))
	}
	return e
}

func clientEntry(c *client.Client) entry {
	e := entry{
		kind: KindClient, id: c.ID, item: client.EncodeClient(c), revision: c.Revision,
		subject: c.ID, client: c,
	}
	e.add("name", quote(c.Name))
	e.add("auth_methods", strings.Join(c.AuthMethods, ", "))
	e.add("grants", strings.Join(c.Grants, ", "))
	e.add("default resource", c.DefaultResource())
	for _, a := range c.Access {
		e.add("access "+a.Resource, "scopes "+strings.Join(a.Scopes, ", "))
	}
	e.add("introspects", strings.Join(c.Introspects, ", "))
	e.add("exchanges", strings.Join(c.Exchanges, ", "))
	e.add("identity", strings.Join(c.Identity, ", "))
	e.add("redirect_uris", strings.Join(c.RedirectURIs, ", "))
	e.add("post_logout_redirect_uris", strings.Join(c.PostLogoutURIs, ", "))
	e.add("backchannel_logout_uri", c.BackChannelURI)
	e.add("id_token_signed_response_alg", c.IDTokenAlgorithm)
	e.add("require_pushed_authorization_requests", yes(c.RequirePAR))
	e.add("dpop_bound_access_tokens", yes(c.RequireDPoP))
	e.add("dpop_nonce", yes(c.DPoPNonce))
	e.add("token_endpoint_auth_signing_alg", c.AssertionAlgorithm)
	e.add("origins", strings.Join(c.Origins, ", "))
	e.add("first_party", yes(c.FirstParty))
	e.add("idle", short(c.Idle))
	e.add("absolute", short(c.Absolute))
	e.add("grace", short(c.Grace))
	e.add("disabled", yes(c.Disabled))
	for _, k := range keyTraits(c.KeySet) {
		e.add(k.name, k.value)
	}
	for _, s := range c.Secrets {
		expires := "never expires"
		if !s.NotAfter.IsZero() {
			expires = "expires " + s.NotAfter.UTC().Format(time.RFC3339)
		}
		e.add("secret "+s.ID, expires)
	}
	return e
}

func upstreamEntry(u *upstream.Upstream) entry {
	e := entry{kind: KindUpstream, id: u.ID, item: upstream.Encode(u), revision: u.Revision}
	e.add("name", quote(u.Name))
	e.add("type", u.Type)
	e.add("issuer", u.Issuer)
	e.add("client_id", u.ClientID)
	e.add("scopes", strings.Join(u.Scopes, ", "))
	e.add("first_sign_in", u.FirstSignIn)
	e.add("domains", strings.Join(u.Domains, ", "))
	e.add("disabled", yes(u.Disabled))
	return e
}

func userEntry(u *identity.User) entry {
	e := entry{
		kind: KindUser, id: strings.ToLower(u.UserName), item: identity.Encode(u), revision: u.Revision, subject: u.Subject,
	}
	e.add("user_name", u.UserName)
	e.add("name", quote(u.Name))
	e.add("email", u.Email)
	e.add("email_verified", yes(u.EmailVerified))
	e.add("disabled", yes(u.Disabled))
	return e
}

// add adds a trait. An empty value adds nothing.
func (e *entry) add(name, value string) {
	if value != "" {
		e.traits = append(e.traits, trait{name, value})
	}
}

// trait returns a trait by its name, empty if the entry or the trait is absent.
func (e *entry) trait(name string) string {
	if e == nil {
		return ""
	}
	for _, t := range e.traits {
		if t.name == name {
			return t.value
		}
	}
	return ""
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func quote(s string) string {
	if s == "" {
		return ""
	}
	return fmt.Sprintf("%q", s)
}

// short writes a duration without its zero units, and whole days as days: 5m,
// not 5m0s, and 14d.
func short(d time.Duration) string {
	if d > 0 && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
