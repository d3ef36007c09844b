package account

import (
	"context"
	"errors"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// cause is why a session ends that the user ends here.
func (v *visit) cause() session.Cause {
	return session.Cause{Why: session.Revoked, Actor: v.login.Subject, RequestID: httpapi.RequestID(v.r.Context())}
}

// end ends one session. What has ended already is as good as ended by this request:
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

// sessions is what is live of the person, as the page shows it: the current session
// first and then what was used last.
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
