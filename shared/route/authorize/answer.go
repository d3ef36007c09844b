package authorize

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tipstaff/tipstaff/shared/authrequest"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/web"
)

// tell sends the client an error response. An error that is no *oauth.Error becomes
// temporarily_unavailable, because a redirect cannot carry a status of 5xx (RFC 6749
// §4.1.2.1).
func (v *visit) tell(why error) {
	refused, ok := errors.AsType[*oauth.Error](why)
	if !ok {
		refused = oauth.Refuse(oauth.TemporarilyUnavailable, "try again in a moment")
	}
	note := httpapi.Note(v.r.Context())
	note.Code, note.Error = string(refused.Code), why.Error()
	if refused.Detail == "" {
		v.reply("error", string(refused.Code))
		return
	}
	v.reply("error", string(refused.Code), "error_description", refused.Detail)
}

// reply sends pairs of names and values to the client, with its state and with iss,
// by which the client identifies the authorization server (RFC 9207 §2).
func (v *visit) reply(pairs ...string) {
	fields := []web.Field{}
	for ; len(pairs) > 1; pairs = pairs[2:] {
		fields = append(fields, web.Field{Name: pairs[0], Value: pairs[1]})
	}
	if v.request.State != "" {
		fields = append(fields, web.Field{Name: "state", Value: v.request.State})
	}
	fields = append(fields, web.Field{Name: "iss", Value: v.Issuer})
	if v.request.Mode == authrequest.FormPost {
		web.Render(v.w, http.StatusOK, web.FormPost{
			Action: v.request.RedirectURI, To: websec.Source(v.request.RedirectURI), Fields: fields,
		})
		return
	}
	v.w.Header().Set("Location", location(v.request.RedirectURI, fields))
	status := http.StatusFound
	if v.r.Method == http.MethodPost {
		status = http.StatusSeeOther // to be followed with GET
	}
	v.w.WriteHeader(status)
}

// location adds fields to the query of a redirect URI, which otherwise stays as it
// is (RFC 6749 §3.1.2).
func location(redirectURI string, fields []web.Field) string {
	var b strings.Builder
	b.WriteString(redirectURI)
	separator := "?"
	if strings.Contains(redirectURI, "?") {
		separator = "&"
	}
	for _, f := range fields {
		b.WriteString(separator + f.Name + "=" + url.QueryEscape(f.Value))
		separator = "&"
	}
	return b.String()
}
