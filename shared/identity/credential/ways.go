package credential

import (
	"context"
	"slices"

	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// Ways is how a user can sign in. The user was read before the rest, so that
// [identity.Store.Changing] refuses a change that was decided on less than is true.
type Ways struct {
	User      *identity.User
	Passkeys  []passkey.Passkey
	Links     []external.Link
	Upstreams []*upstream.Upstream
}

// Ways reads how u signs in.
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

// At is the upstream of a link, or nil when no user can sign in from there: it is
// gone, disabled, or has another issuer by now.
func (w *Ways) At(l external.Link) *upstream.Upstream {
	i := slices.IndexFunc(w.Upstreams, func(u *upstream.Upstream) bool { return u.ID == l.Upstream && u.Issuer == l.Issuer })
	if i < 0 {
		return nil
	}
	return w.Upstreams[i]
}

// Count is how many ways to sign in there are.
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

// removable returns ErrLast if a way to sign in is the only one.
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
