package account

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/linked"
	"github.com/tipstaff/tipstaff/shared/passkey"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/web"
)

// ways is how somebody signs in. The user was read before the rest, so that
// identity.Store.Changing refuses what has changed since.
type ways struct {
	user      *identity.User
	passkeys  []passkey.Passkey
	links     []linked.Link
	upstreams []*upstream.Upstream
}

// read reads how u signs in.
func (v *visit) read(ctx context.Context, u *identity.User) (*ways, error) {
	w := &ways{user: u}
	var err error
	if w.passkeys, err = v.Passkeys.Store.List(ctx, u.Subject); err != nil {
		return nil, err
	}
	if w.links, err = v.Links.List(ctx, u.Subject); err != nil {
		return nil, err
	}
	w.upstreams, err = v.Upstreams.List(ctx)
	return w, err
}

// at is the upstream of a link, or nil when nobody can sign in from there: it is
// gone, disabled, or has another issuer by now.
func (w *ways) at(l linked.Link) *upstream.Upstream {
	i := slices.IndexFunc(w.upstreams, func(u *upstream.Upstream) bool { return u.ID == l.Upstream && u.Issuer == l.Issuer })
	if i < 0 {
		return nil
	}
	return w.upstreams[i]
}

// count is how many ways in there are, as the page counts them.
func (w *ways) count() int {
	n := len(w.passkeys)
	if w.user.HasPassword() {
		n++
	}
	for _, l := range w.links {
		if w.at(l) != nil {
			n++
		}
	}
	return n
}

// errLast says that what was to be removed is the only way in that is left.
var errLast = errors.New("it is the last way to sign in")

// removable returns errLast if a way in is the only one.
func (w *ways) removable() error {
	if w.count() <= 1 {
		return errLast
	}
	return nil
}

// shown is how the person signs in, as the page shows it.
func (v *visit) shown(ctx context.Context, w *ways) (web.Ways, error) {
	shown := web.Ways{Password: w.user.HasPassword(), OTP: w.user.OTP}
	for _, p := range w.passkeys {
		shown.Passkeys = append(shown.Passkeys, web.Passkey{ID: p.ID(), Name: p.Name, Synced: p.Synced(), Created: p.Created, Used: p.Used})
	}
	if w.user.OTP {
		state, err := v.OTP.State(ctx, w.user.Subject)
		if err != nil {
			return web.Ways{}, err
		}
		shown.OTPSince, shown.CodesLeft = state.Since, state.CodesLeft
	}
	for _, l := range w.links {
		a := web.ConnectedAccount{ID: l.ID, At: l.Upstream, Label: l.Label, Created: l.Created, Off: true}
		if u := w.at(l); u != nil {
			a.At, a.Off = u.Name, false
		}
		shown.Connected = append(shown.Connected, a)
	}
	if len(w.links) >= linked.MaxLinks {
		return shown, nil
	}
	for _, u := range w.upstreams {
		token, err := v.Forms.Token(ctx, v.w, v.r, upstream.LinkPurpose(u.ID, v.login.ID))
		if err != nil {
			return web.Ways{}, err
		}
		shown.Connectable = append(shown.Connectable, web.Link{
			Path: strings.Replace(contract.Upstream.Paths[0], "{id}", u.ID, 1) + "?link=" + token, Text: u.Name,
		})
	}
	return shown, nil
}
