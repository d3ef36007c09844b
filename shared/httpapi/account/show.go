package account

import (
	"context"
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/web"
)

// What was just done, as the address of the page says it. Anybody can write
// such an address; it has no other effect than this text.
const (
	doneEnd       = "end"
	doneEndOthers = "end-others"
)

func notice(done string) string {
	switch done {
	case doneEnd:
		return "The session has ended."
	case doneEndOthers:
		return "All other sessions have ended."
	}
	return ""
}

// show answers with the page, and with 400 when there is a problem. A person
// who was removed or disabled is not signed in.
func (h *Handler) show(w http.ResponseWriter, r *http.Request, l *session.Login, problem string) error {
	ctx := r.Context()
	user, err := h.People.Get(ctx, l.Subject)
	if errors.Is(err, identity.ErrUnknown) || err == nil && user.Disabled {
		signIn(w, r)
		return nil
	}
	if err != nil {
		return err
	}
	err = h.Sessions.Touch(ctx, l, session.NewDevice(r.RemoteAddr, r.UserAgent()))
	if errors.Is(err, session.ErrEnded) {
		signIn(w, r)
		return nil
	}
	if err != nil {
		return err
	}
	sessions, err := h.list(ctx, l)
	if err != nil {
		return err
	}
	token, err := h.Forms.Token(ctx, w, r, purpose(l))
	if err != nil {
		return err
	}
	page := web.Account{
		CSRF: token, Name: user.Name, UserName: user.UserName, Email: user.Email,
		Problem: problem, Sessions: sessions, Now: h.Now(),
	}
	if problem != "" {
		web.Render(w, http.StatusBadRequest, page)
		return nil
	}
	page.Notice = notice(r.URL.Query().Get("done"))
	web.Render(w, http.StatusOK, page)
	return nil
}

// list is what is live of the person, the current session first and then what
// was used last.
func (h *Handler) list(ctx context.Context, l *session.Login) ([]web.Session, error) {
	items, err := h.Sessions.List(ctx, l.Subject)
	if err != nil {
		return nil, err
	}
	var current, others []web.Session
	for _, i := range items {
		app, err := h.app(ctx, i.Client)
		if err != nil {
			return nil, err
		}
		s := web.Session{
			ID: i.ID, Device: i.Agent, Place: i.IP, App: app, First: i.Created, Last: i.Used,
			Current: i.ID == l.ID, Here: i.Login == l.ID,
		}
		if s.Current {
			current = append(current, s)
			continue
		}
		others = append(others, s)
	}
	return append(current, others...), nil
}

// app is the name of a client, or its id when it has no name or is gone.
func (h *Handler) app(ctx context.Context, id string) (string, error) {
	if id == "" {
		return "", nil
	}
	c, err := h.Clients.Client(ctx, id)
	if errors.Is(err, client.ErrUnknown) || err == nil && c.Name == "" {
		return id, nil
	}
	if err != nil {
		return "", err
	}
	return c.Name, nil
}
