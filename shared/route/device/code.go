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

// guesses is what the throttle counts here. Whose they are is the person and not
// the login: who signs in once more has no more of them.
const guesses = "user code"

// look takes a code that was typed, and asks whether to let the device in.
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
	// The code was right; a counter that was not told is no reason to say it
	// was not.
	if err := reserved.Succeeded(ctx, ""); err != nil {
		httpapi.Note(ctx).Error = err.Error()
	}
	return v.ask(ctx, code, request, c)
}

// find returns the request behind a code that can still be decided, and its
// client if it may still come in.
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

// ask asks whether to let the device in.
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

// purposeOf ties the question to the login, to the code and to the request that
// it shows: a code may be given again when it has expired.
func (v *visit) purposeOf(code device.UserCode, request string) string {
	return v.purpose() + " " + string(code) + " " + request
}

// decide takes the answer. It counts only for the question that we put.
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

// problem is what a person is told of an error, empty for one that they can do
// nothing about.
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

// again answers with the form and what was wrong.
func (v *visit) again(page web.Device, why error) error {
	var status int
	status, page.RetryAfter = httpapi.Again(v.w, v.r, oauth.InvalidRequest, why)
	return v.form(status, page)
}
