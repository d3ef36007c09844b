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

// Asking serves /recover without a link, where a user who cannot sign in asks for one.
//
// The response and the calls to AWS are the same for every user name, so that they do
// not reveal whether an account exists. A queue consumer decides later whether to send
// a mail, so that the time of the response does not depend on it.
type Asking struct {
	Issuer   string
	People   *identity.Store
	Throttle *throttle.Store
	Forms    *websec.Forms
	// Requests is the queue of recovery requests, nil in a stage that sends no mail.
	Requests *recovery.Queue
}

const (
	// asking is the purpose of the form token, and the kind of attempt that the
	// throttle counts.
	asking = "recovery"
	// asked is the query parameter of the page after the form was sent. Any site
	// can link to such an address. Its only effect is the text on the page.
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

// form answers with a form that is valid for this browser.
func (a *Asking) form(w http.ResponseWriter, r *http.Request, status int, page web.Recover) error {
	var err error
	if page.CSRF, err = a.Forms.Token(r.Context(), w, r, asking); err != nil {
		return err
	}
	web.Render(w, status, page)
	return nil
}

// take adds the request to the queue. Each attempt is counted by the user name that
// was typed, before the user is looked up. So an attacker cannot flood the mailbox
// of a user, and the limit is the same for a user name that does not exist.
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

// subject returns the subject of the user with a user name, empty if there is none.
// It reads no other attribute of the user, because none may change the response.
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

// again answers with the form and the problem of the last one. The log line has the
// reason without the user name that was typed.
func (a *Asking) again(w http.ResponseWriter, r *http.Request, page web.Recover, why error) error {
	var status int
	status, page.RetryAfter = httpapi.Again(w, r, oauth.InvalidRequest, why)
	return a.form(w, r, status, page)
}
