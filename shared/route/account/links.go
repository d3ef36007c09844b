package account

import (
	"errors"
	"slices"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/session"
)

// unlink ends the link of an account elsewhere, if there is another way in. One that
// nobody can sign in with at present is no way in, and can always go.
func (v *visit) unlink() error {
	id := v.r.PostForm.Get("id")
	err := v.settle(func(u *identity.User) error {
		w, err := v.read(v.r.Context(), u)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(w.links, func(l external.Link) bool { return l.ID == id })
		if i < 0 {
			return nil // in another tab, or it never was theirs
		}
		l := w.links[i]
		if w.at(l) != nil {
			if err := w.removable(); err != nil {
				return err
			}
		}
		e := v.entry(audit.LinkRemove, "linked#"+l.ID, detailUpstream, l.Upstream)
		err = v.write(u, clauses{}, e, v.Links.Removing(&l)...)
		if _, ok := errors.AsType[*session.AlsoError](err); ok {
			return errChanged
		}
		return err
	})
	return v.removed(err, doneUnlinked)
}
