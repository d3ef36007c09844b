package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
)

// deviceCode answers the poll of a device: whether the user has approved its request,
// and if so with its tokens (RFC 8628 §3.4). A repeated poll costs one write. A proof
// of a key is checked only when there are tokens to bind to it. A missing proof is
// refused at once.
func (h *Handler) deviceCode(w http.ResponseWriter, r *http.Request, c *client.Client) error {
	ctx := r.Context()
	if !c.MayUse(oauth.GrantDeviceCode) {
		return oauth.Refuse(oauth.UnauthorizedClient, "the client may not use this grant_type")
	}
	presented := r.PostForm.Get("device_code")
	if presented == "" {
		return oauth.Refuse(oauth.InvalidRequest, "device_code is missing")
	}
	if len(r.Header.Values(dpop.Header)) == 0 {
		if _, err := h.Issue.Proofs.Optional(r, c); err != nil {
			return err
		}
	}
	request, err := h.Devices.Poll(ctx, presented, c.ID)
	if err != nil {
		return polled(err)
	}
	note := httpapi.Note(ctx)
	note.Subject = request.Subject
	resources := r.PostForm["resource"]
	idle, absolute, err := h.Issue.Plan(ctx, c, audience.Granted{Resources: request.Audience, Scope: request.Scope}, resources)
	if err != nil {
		return err
	}
	jkt, err := h.Issue.Proofs.Optional(r, c)
	if err != nil {
		return err
	}
	grant, err := h.admit(ctx, request, session.NewGrant{
		Idle: idle, Absolute: absolute, Bound: !c.Public(), JKT: jkt, Notify: c.BackChannelURI != "",
		ClientInfo: session.NewClientInfo(r.RemoteAddr, r.UserAgent()),
	})
	if err != nil {
		return err
	}
	note.Session = grant.ID
	begun, err := h.Issue.Begin(ctx, c, grant, issue.Extra{JKT: jkt, Resources: resources})
	if err != nil {
		return err
	}
	httpapi.Answer(w, http.StatusOK, begun.Response())
	return nil
}

// admit creates the grant of an approved request and spends the request, in one
// transaction: of any number of polls one gets tokens. The transaction fails if the
// user who approved it was disabled, or signed out everywhere, since then. Without
// offline_access their login session must still exist, because the grant ends with it.
// With offline_access the user may have signed out, as after the approval at a
// borrowed computer.
func (h *Handler) admit(ctx context.Context, request *device.Request, n session.NewGrant) (*session.Grant, error) {
	n.Subject, n.AuthGen, n.AuthTime, n.AMR = request.Subject, request.AuthGen, request.AuthTime, request.AMR
	n.Client, n.Scope, n.Audience = request.Client, request.Scope, request.Audience
	n.RequestID, n.Also = httpapi.RequestID(ctx), []dynamo.Write{h.Devices.Spending(ctx, request)}
	if !slices.Contains(strings.Fields(n.Scope), oauth.ScopeOfflineAccess) {
		n.Login = request.Login
		n.Absolute = min(n.Absolute, request.LoginEnds.Sub(h.Issue.Now(ctx)))
		n.Idle = min(n.Idle, n.Absolute)
	}
	if n.Absolute <= 0 {
		return nil, gone(fmt.Errorf("the login of device request %s has ended: %w", request.ID, session.ErrEnded))
	}
	grant, err := h.Issue.Sessions.CreateGrant(ctx, n)
	if errors.Is(err, device.ErrUsed) {
		return nil, over(err)
	}
	if errors.Is(err, session.ErrStale) || errors.Is(err, session.ErrEnded) {
		return nil, gone(err)
	}
	return grant, err
}

// polled returns the refusal for a request that gives no tokens (RFC 8628 §3.5).
func polled(err error) error {
	switch {
	case errors.Is(err, device.ErrPending):
		return &oauth.Error{Code: oauth.AuthorizationPending, Detail: "nobody has approved this yet", Err: err}
	case errors.Is(err, device.ErrSlowDown):
		return &oauth.Error{Code: oauth.SlowDown, Detail: "wait " + device.Interval.String() + " longer between two requests from now on", Err: err}
	case errors.Is(err, device.ErrDenied):
		return &oauth.Error{Code: oauth.AccessDenied, Detail: "the person did not allow it", Err: err}
	case errors.Is(err, device.ErrExpired):
		return &oauth.Error{Code: oauth.ExpiredToken, Detail: "the device_code has expired: ask for a new one", Err: err}
	case errors.Is(err, device.ErrUsed), errors.Is(err, device.ErrUnknown):
		return over(err)
	}
	return err
}

func gone(why error) error {
	return &oauth.Error{Code: oauth.InvalidGrant, Detail: "the person who approved this is not signed in any more", Err: why}
}

func over(why error) error {
	return &oauth.Error{Code: oauth.InvalidGrant, Detail: "the device_code is not valid, or not any more", Err: why}
}
