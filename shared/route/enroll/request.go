package enroll

import (
	"context"
	"errors"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/recovery"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// Asking is /recover without a link: somebody who cannot sign in asks for one.
//
// The answer is the same for everybody who could have an account, and so are the
// calls to AWS that it takes. Whether there is somebody to write to is found out
// later, where nobody waits for it.
type Asking struct {
	Issuer   string
	People   *identity.Store
	Throttle *throttle.Store
	Forms    *websec.Forms
	// Requests takes what was asked for; nil in a stage that sends no mail.
	Requests *recovery.Queue
}

const (
	// asking is the purpose of the token of the form, and what the throttle
	// counts.
	asking = "recovery"
	// asked is what the address says of a page when the form was sent. Anybody
	// can write such an address; it has no other effect than a text.
	asked = "asked"
)

// Serve shows the form, or takes it.
func (a *Asking) Serve(w http.ResponseWriter, r *http.Request) error {
	switch {
	case a.Requests == nil:
		web.Render(w, http.StatusOK, web.RecoverByAdministrator())
		return nil
	case r.Method == http.MethodPost:
		return a.take(w, r)
	case r.URL.Query().Has(asked):
		web.Render(w, http.StatusOK, web.RecoverAsked())
		return nil
	}
	return a.form(w, r, http.StatusOK, web.Recover{})
}

// form answers with a form of this browser.
func (a *Asking) form(w http.ResponseWriter, r *http.Request, status int, page web.Recover) error {
	var err error
	if page.CSRF, err = a.Forms.Token(r.Context(), w, r, asking); err != nil {
		return err
	}
	web.Render(w, status, page)
	return nil
}

// take puts what was asked for into the queue. Each try is counted before anything
// is looked up, under the name that was typed: nobody can have somebody's mailbox
// filled, and the tries for a name that nobody has end as soon.
func (a *Asking) take(w http.ResponseWriter, r *http.Request) error {
	if err := websec.SameOrigin(r, a.Issuer); err != nil {
		return err
	}
	ctx := r.Context()
	page := web.Recover{UserName: r.PostForm.Get("user_name")}
	err := a.Forms.Check(ctx, r, asking, r.PostForm.Get("csrf"))
	switch {
	case errors.Is(err, websec.ErrForm):
		page.Problem = web.ExpiredForm
		return a.again(w, r, page, err)
	case err != nil:
		return err
	case page.UserName == "":
		page.Problem = web.NoUserName
		return a.again(w, r, page, errors.New("user_name is missing"))
	}
	_, err = a.Throttle.Reserve(ctx, throttle.Attempt{Kind: asking, Account: page.UserName, Address: r.RemoteAddr})
	if httpapi.Limited(err) {
		page.Problem = web.TooManyTries
		return a.again(w, r, page, err)
	}
	if err != nil {
		return err
	}
	subject, err := a.subject(ctx, page.UserName)
	if err != nil {
		return err
	}
	if err := a.Requests.Add(ctx, recovery.Request{Subject: subject}); err != nil {
		return err
	}
	web.Redirect(w, contract.Enroll.Paths[1]+"?"+asked)
	return nil
}

// subject is whose user name it is, empty for nobody's. What else is known of the
// person is not looked at here: it must make no difference.
func (a *Asking) subject(ctx context.Context, userName string) (string, error) {
	u, err := a.People.Find(ctx, userName)
	if errors.Is(err, identity.ErrUnknown) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return u.Subject, nil
}

// again answers with the form and what was wrong with the last one. The log line says
// why, without the name that was typed.
func (a *Asking) again(w http.ResponseWriter, r *http.Request, page web.Recover, why error) error {
	var status int
	status, page.RetryAfter = httpapi.Again(w, r, oauth.InvalidRequest, why)
	return a.form(w, r, status, page)
}
