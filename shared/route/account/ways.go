package account

import (
	"context"
	"strings"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/identity/credential"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/web"
)

// shown returns the ways to sign in of the user as the page shows them.
func (v *visit) shown(ctx context.Context, w *credential.Ways) (web.Ways, error) {
	shown := web.Ways{Password: w.User.HasPassword(), OTP: w.User.OTP}
	for _, p := range w.Passkeys {
		shown.Passkeys = append(shown.Passkeys, web.Passkey{ID: p.ID(), Name: p.Name, Synced: p.Synced(), Created: p.Created, Used: p.Used})
	}
	if w.User.OTP {
		state, err := v.Credentials.Apps.State(ctx, w.User.Subject)
		if err != nil {
			return web.Ways{}, err
		}
		shown.OTPSince, shown.CodesLeft = state.Since, state.CodesLeft
	}
	for _, l := range w.Links {
		a := web.ConnectedAccount{ID: l.ID, At: l.Upstream, Label: l.Label, Created: l.Created, Off: true}
		if u := w.At(l); u != nil {
			a.At, a.Off = u.Name, false
		}
		shown.Connected = append(shown.Connected, a)
	}
	if len(w.Links) >= external.MaxLinks {
		return shown, nil
	}
	for _, u := range w.Upstreams {
		token, err := v.Forms.Token(ctx, v.w, v.r, upstream.LinkPurpose(u.ID, v.login.ID))
		if err != nil {
			return web.Ways{}, err
		}
		shown.Connectable = append(shown.Connectable, web.Link{
			Path: strings.Replace(contract.Upstream.Path(), "{id}", u.ID, 1) + "?link=" + token, Text: u.Name,
		})
	}
	return shown, nil
}
