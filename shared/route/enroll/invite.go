package enroll

import (
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/signin"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
	"github.com/tipstaff/tipstaff/shared/web"
)

// invitation shows the page on which an invited user enters the user name and name.
func (h *Handler) invitation(v *visit, status int, page web.Invitation) error {
	var err error
	if page.CSRF, err = h.Forms.Token(v.ctx(), v.w, v.r, v.purpose()); err != nil {
		return err
	}
	upstreams, err := h.Upstreams.List(v.ctx())
	if err != nil {
		return err
	}
	for _, u := range upstreams {
		page.Upstreams = append(page.Upstreams, web.Upstream{ID: u.ID, Name: u.Name})
	}
	page.Link, page.Email = v.link, v.ticket.Email
	web.Render(v.w, status, page)
	return nil
}

// invite takes the names of an invited user, and in the next step the choice. Both
// steps validate the names, because the first step proves nothing to the second.
// The parameter formErr is the one of recover.
func (h *Handler) invite(v *visit, formErr error) error {
	form := v.r.PostForm
	n := admin.New{
		Subject: v.ticket.Subject, UserName: form.Get("user_name"), Name: form.Get("name"),
		Email: v.ticket.Email, EmailVerified: v.ticket.EmailVerified,
		Inviter: v.ticket.Actor, RequestID: httpapi.RequestID(v.ctx()),
	}
	p, err := h.misnamed(v, n)
	switch {
	case err != nil:
		return err
	case formErr != nil && form.Get("step") != web.StepChoose:
		p = &problem{text: web.ExpiredForm, why: formErr}
	}
	if p != nil {
		return h.renamed(v, n, p)
	}
	page := web.Choose{Invited: true, UserName: n.UserName, Name: n.Name}
	if form.Get("step") != web.StepChoose {
		return h.choose(v, http.StatusOK, page)
	}
	if formErr != nil {
		return h.refused(v, page, &problem{text: web.ExpiredForm, why: formErr})
	}
	c, err := h.chosen(v, n.UserName, n.Name, n.Email)
	if p, ok := errors.AsType[*problem](err); ok {
		return h.refused(v, page, p)
	}
	if err != nil {
		return err
	}
	return h.create(v, n, c, page)
}

// create creates the user and signs the user in. The user, the authenticator and the
// end of the link and the challenge are one transaction.
func (h *Handler) create(v *visit, n admin.New, c *choice, page web.Choose) error {
	user, err := h.Credentials.Accept(v.ctx(), v.ticket, n, c.Choice)
	switch {
	case errors.Is(err, admin.ErrTaken):
		// Perhaps by this link, in a form that was sent twice.
		return h.lost(v, err, func() error { return h.renamed(v, n, taken()) })
	case errors.Is(err, admin.ErrSubject), errors.Is(err, onetime.ErrUsed):
		page.Problem = web.TryAgain
		return h.lost(v, err, func() error { return h.choose(v, http.StatusConflict, page) })
	case errors.Is(err, passkey.ErrRefused):
		return h.refused(v, page, &problem{text: web.UnusablePasskey, why: err})
	case err != nil:
		return err
	}
	return h.finish(v, signin.Proof{User: user, AMR: c.amr})
}

// misnamed returns the problem with the names, or nil.
func (h *Handler) misnamed(v *visit, n admin.New) (*problem, error) {
	if !identity.ValidUserName(n.UserName) {
		return &problem{text: web.BadUserName, field: "user_name", why: errors.New("the user name is malformed")}, nil
	}
	if n.Check() != nil { // its text repeats the input, which must not be logged
		return &problem{text: web.BadName, field: "name", why: errors.New("the name cannot be taken")}, nil
	}
	_, err := h.People.Find(v.ctx(), n.UserName)
	if errors.Is(err, identity.ErrUnknown) {
		return nil, nil // nothing is wrong
	}
	if err != nil {
		return nil, err
	}
	return taken(), nil
}

func taken() *problem {
	return &problem{text: web.TakenUserName, field: "user_name", why: admin.ErrTaken}
}

// renamed asks for the names once more.
func (h *Handler) renamed(v *visit, n admin.New, p *problem) error {
	note(v, p)
	return h.invitation(v, http.StatusBadRequest, web.Invitation{
		UserName: n.UserName, Name: n.Name, Problem: p.text, Field: p.field,
	})
}
