package credential

import (
	"context"
	"slices"

	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// Ways are the ways in which a user can sign in. The user is read before the rest, so
// that [identity.Store.Changing] refuses a change that was decided on outdated ways.
type Ways struct {
	User      *identity.User
	Passkeys  []passkey.Passkey
	Links     []external.Link
	Upstreams []*upstream.Upstream
}

// Ways reads the ways in which u can sign in.
func (s *Service) Ways(ctx context.Context, u *identity.User) (*Ways, error) {
	w := &Ways{User: u}
	var err error
	if w.Passkeys, err = s.Passkeys.List(ctx, u.Subject); err != nil {
		return nil, err
	}
	if w.Links, err = s.Links.List(ctx, u.Subject); err != nil {
		return nil, err
	}
	w.Upstreams, err = s.Upstreams.List(ctx)
	return w, err
}

// At returns the upstream of a link, or nil when no user can sign in from there: it was
// deleted or disabled, or has another issuer now.
func (w *Ways) At(l external.Link) *upstream.Upstream {
	i := slices.IndexFunc(w.Upstreams, func(u *upstream.Upstream) bool { return u.ID == l.Upstream && u.Issuer == l.Issuer })
	if i < 0 {
		return nil
	}
	return w.Upstreams[i]
}

// Count returns the number of ways to sign in.
func (w *Ways) Count() int {
	n := len(w.Passkeys)
	if w.User.HasPassword() {
		n++
	}
	for _, l := range w.Links {
		if w.At(l) != nil {
			n++
		}
	}
	return n
}

// removable returns ErrLast if there is only one way to sign in.
func (w *Ways) removable() error {
	if w.Count() <= 1 {
		return ErrLast
	}
	return nil
}

func (w *Ways) passkey(id string) *passkey.Passkey {
	i := slices.IndexFunc(w.Passkeys, func(p passkey.Passkey) bool { return p.ID() == id })
	if i < 0 {
		return nil
	}
	return &w.Passkeys[i]
}

func (w *Ways) link(id string) *external.Link {
	i := slices.IndexFunc(w.Links, func(l external.Link) bool { return l.ID == id })
	if i < 0 {
		return nil
	}
	return &w.Links[i]
}
