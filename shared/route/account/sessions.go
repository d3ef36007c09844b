package account

import (
	"context"
	"errors"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// cause is the cause of the sessions that the user ends here.
func (v *visit) cause() session.Cause {
	return session.Cause{Why: session.Revoked, Actor: v.login.Subject, RequestID: httpapi.RequestID(v.r.Context())}
}

// end ends one session. It succeeds for a session that has ended already, because
// two tabs may ask for the same.
func (v *visit) end() error {
	_, err := v.Sessions.EndItem(v.r.Context(), v.login.Subject, v.r.PostForm.Get("id"), v.cause())
	if err != nil && !errors.Is(err, session.ErrUnknown) {
		return err
	}
	return v.done(doneEnd)
}

func (v *visit) endOthers() error {
	_, err := v.Sessions.EndOthers(v.r.Context(), v.login.Subject, v.login.ID, v.cause())
	if err != nil && !errors.Is(err, session.ErrUnknown) {
		return err
	}
	return v.done(doneEndOthers)
}

func (v *visit) signOut() error {
	if err := v.Browser.End(v.w, v.r, v.login); err != nil {
		return err
	}
	web.Redirect(v.w, contract.Logout.Path())
	return nil
}

// sessions are the live sessions and grants of the user as the page shows them: the
// current session first, then the others with the last used first.
func (v *visit) sessions(ctx context.Context, items []session.Item) ([]web.Session, error) {
	var current, others []web.Session
	for _, i := range items {
		app, err := v.app(ctx, i.Client)
		if err != nil {
			return nil, err
		}
		s := web.Session{
			ID: i.ID, Device: i.Agent, Place: i.IP, App: app.name, First: i.Created, Last: i.Used,
			Current: i.ID == v.login.ID, Here: i.Login == v.login.ID,
		}
		if s.Current {
			current = append(current, s)
			continue
		}
		others = append(others, s)
	}
	return append(current, others...), nil
}
