// Package deviceauthorization serves POST /device_authorization, the device
// authorization endpoint, where a device without a browser starts the device grant
// (RFC 8628 §3.1). The user decides at the page of package route/device.
package deviceauthorization

import (
	"net/http"
	"time"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/throttle"
)

// Handler answers with a device code and a user code.
type Handler struct {
	Issuer   string
	Auth     *clientauth.Guard
	Audience *audience.Resolver
	Devices  *device.Store
	Throttle *throttle.Store
}

// response is the response of RFC 8628 §3.2.
type response struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	// ExpiresIn and Interval are in seconds.
	ExpiresIn int64 `json:"expires_in"`
	Interval  int64 `json:"interval"`
}

// admission is the kind of request that the throttle counts here.
const admission = "device codes"

// Serve validates the request before the user is asked to approve it, and stores it.
// A public client proves nothing, and each request adds two items to the table. So
// the requests of public clients are limited by IP address.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := h.Auth.Identify(r)
	if err != nil {
		return err
	}
	if !c.MayUse(oauth.GrantDeviceCode) {
		return oauth.Refuse(oauth.UnauthorizedClient, "the client may not use the device grant")
	}
	granted, err := h.Audience.Grant(ctx, c, r.PostForm["resource"], r.PostForm.Get("scope"))
	if err != nil {
		return err
	}
	if c.Public() {
		if err := h.Throttle.Admit(ctx, admission, r.RemoteAddr); err != nil {
			return err
		}
	}
	codes, err := h.Devices.Create(ctx, device.NewRequest{
		Client: c.ID, Scope: granted.Scope, Audience: granted.Resources, ClientInfo: session.NewClientInfo(r.RemoteAddr, r.UserAgent()),
	})
	if err != nil {
		return err
	}
	page := h.Issuer + contract.Device.Path()
	httpapi.Answer(w, http.StatusOK, response{
		DeviceCode: codes.Device, UserCode: codes.User.String(),
		VerificationURI: page, VerificationURIComplete: page + "?user_code=" + codes.User.String(),
		ExpiresIn: int64(device.Life / time.Second), Interval: int64(device.Interval / time.Second),
	})
	return nil
}
