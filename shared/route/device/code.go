package device

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/consenttext"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/throttle"
	"github.com/tipstaff/tipstaff/shared/web"
)

// guesses is the kind of attempt that the throttle counts here. It counts per user
// and not per session, so that a new sign-in gives no more guesses.
const guesses = "user code"

// look takes a user code that was typed, and asks whether to allow the device.
func (v *visit) look(typed string) error {
	ctx := v.r.Context()
	err := v.Forms.Check(ctx, v.r, v.purpose(), v.r.PostForm.Get("csrf"))
	if errors.Is(err, websec.ErrForm) {
		return v.again(web.Device{Code: typed, Problem: web.ExpiredForm}, err)
	}
	if err != nil {
		return err
	}
	code, err := device.ParseUserCode(typed)
	if err != nil {
		return v.again(web.Device{Code: typed, Problem: problem(err)}, err)
	}
	reserved, err := v.Throttle.Reserve(ctx, throttle.Attempt{Kind: guesses, Account: v.login.Subject, Address: v.r.RemoteAddr})
	if httpapi.Limited(err) {
		return v.again(web.Device{Code: typed, Problem: web.TooManyTries}, err)
	}
	if err != nil {
		return err
	}
	request, c, err := v.find(ctx, code)
	if problem(err) != "" {
		return v.again(web.Device{Code: typed, Problem: problem(err)}, err)
	}
	if err != nil {
		return err
	}
	// The code is right, also when the counter cannot be written. So this error
	// is only logged.
	if err := reserved.Succeeded(ctx, ""); err != nil {
		httpapi.Note(ctx).Error = err.Error()
	}
	return v.ask(ctx, code, request, c)
}

// find returns the pending request of a user code and its client. It returns
// [device.ErrUnknown] when the client may not use the device grant any more.
func (v *visit) find(ctx context.Context, code device.UserCode) (*device.Request, *client.Client, error) {
	request, err := v.Devices.Find(ctx, code)
	if err == nil {
		err = v.Devices.Open(ctx, request)
	}
	if err != nil {
		return nil, nil, err
	}
	c, err := v.Clients.Client(ctx, request.Client)
	if errors.Is(err, client.ErrUnknown) || err == nil && (c.Disabled || !c.MayUse(oauth.GrantDeviceCode)) {
		return nil, nil, fmt.Errorf("client %s may not come in any more: %w", request.Client, device.ErrUnknown)
	}
	return request, c, err
}

// ask shows the question whether to allow the device.
func (v *visit) ask(ctx context.Context, code device.UserCode, request *device.Request, c *client.Client) error {
	httpapi.Note(ctx).Client = c.ID
	page := web.DeviceRequest{
		Code: code.String(), Request: request.ID, Ours: c.FirstParty, Unvetted: c.SelfRegistered,
		Agent: request.Agent, Place: request.IP, Asked: request.Created, Now: v.Now(ctx), Who: v.user.UserName,
	}
	if v.user.Name != "" {
		page.Who = v.user.Name
	}
	page.App, page.Origin = consenttext.App(c)
	var err error
	page.Asks, err = consenttext.Asks(ctx, v.Clients, c, audience.Granted{Resources: request.Audience, Scope: request.Scope})
	if err != nil {
		return err
	}
	if page.CSRF, err = v.Forms.Token(ctx, v.w, v.r, v.purposeOf(code, request.ID)); err != nil {
		return err
	}
	web.Render(v.w, http.StatusOK, page)
	return nil
}

// purposeOf ties the question to the session, to the user code and to the request
// that it shows. The code alone is not enough: an expired code may be given to
// another request.
func (v *visit) purposeOf(code device.UserCode, request string) string {
	return v.purpose() + " " + string(code) + " " + request
}

// decide takes the answer. It is valid only for the question that was shown.
func (v *visit) decide(typed string, allow bool) error {
	ctx := v.r.Context()
	id := v.r.PostForm.Get("request")
	code, err := device.ParseUserCode(typed)
	if err == nil {
		err = v.Forms.Check(ctx, v.r, v.purposeOf(code, id), v.r.PostForm.Get("csrf"))
	}
	if errors.Is(err, websec.ErrForm) || problem(err) != "" {
		return v.again(web.Device{Code: code.String(), Problem: web.ExpiredForm}, err)
	}
	if err != nil {
		return err
	}
	request, err := v.Devices.Find(ctx, code)
	if err == nil && request.ID != id {
		err = fmt.Errorf("the code is another request's by now: %w", device.ErrExpired)
	}
	if err == nil {
		err = v.write(ctx, request, allow)
	}
	if problem(err) != "" {
		return v.again(web.Device{Problem: problem(err)}, err)
	}
	if err != nil {
		return err
	}
	httpapi.Note(ctx).Client = request.Client
	done := doneDeny
	if allow {
		done = doneAllow
	}
	web.Redirect(v.w, path+"?done="+done)
	return nil
}

func (v *visit) write(ctx context.Context, request *device.Request, allow bool) error {
	l := v.login
	by := device.Decision{Subject: l.Subject, AuthGen: l.AuthGen, AuthTime: l.AuthTime, AMR: l.AMR, Login: l.ID, LoginEnds: l.Absolute}
	if allow {
		return v.Devices.Approve(ctx, request, by, httpapi.RequestID(ctx))
	}
	return v.Devices.Deny(ctx, request, by, httpapi.RequestID(ctx))
}

// problem is the text for the user about an error. It is empty for an error that the
// user cannot fix.
func problem(err error) string {
	switch {
	case errors.Is(err, device.ErrLetters):
		return web.ForeignLetters
	case errors.Is(err, device.ErrLength):
		return web.WrongLength
	case errors.Is(err, device.ErrUnknown):
		return web.UnknownCode
	case errors.Is(err, device.ErrExpired):
		return web.ExpiredCode
	case errors.Is(err, device.ErrUsed):
		return web.UsedCode
	}
	return ""
}

// again answers with the form and the problem of the last one.
func (v *visit) again(page web.Device, why error) error {
	var status int
	status, page.RetryAfter = httpapi.Again(v.w, v.r, oauth.InvalidRequest, why)
	return v.form(status, page)
}
