package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// Origins reports whether pages of an origin belong to a client. An unknown
// client has none.
type Origins func(ctx context.Context, clientID, origin string) (bool, error)

// Headers of the CORS protocol (Fetch §3.2).
const (
	allowOrigin = "Access-Control-Allow-Origin"
	credentials = "Access-Control-Allow-Credentials"
)

// cors adds the headers that the route allows browsers, and reports whether the
// request was a preflight, which is then answered.
//
// A preflight carries no cookie and no body. So the URL names the client as client_id,
// which is no secret, and the origins of that client count. A request that names none
// gets no CORS header: it works from our own pages only. The client_id decides nothing
// else; the handlers compare it with the credential.
func (rt *Route) cors(w http.ResponseWriter, r *http.Request) (preflight bool, err error) {
	preflight = r.Method == http.MethodOptions
	switch rt.Function.CORS {
	case contract.AnyOrigin:
		w.Header().Set(allowOrigin, "*")
		allow(w.Header(), rt.Function, "Authorization, Content-Type, DPoP, MCP-Protocol-Version")
	case contract.NamedOrigins:
		w.Header().Set("Vary", "Origin")
		if err := rt.named(w.Header(), r, preflight); err != nil {
			return false, err
		}
	case contract.SameOrigin:
		preflight = false
	}
	if preflight {
		w.WriteHeader(http.StatusNoContent)
	}
	return preflight, nil
}

// named allows the origin of the request if it belongs to the client that the request
// names.
func (rt *Route) named(h http.Header, r *http.Request, preflight bool) error {
	if rt.Function.Page && !preflight && !IsJSON(r) {
		return nil // no other origin may read a page
	}
	origin, client := r.Header.Get("Origin"), r.URL.Query().Get("client_id")
	if origin == "" || client == "" {
		return nil
	}
	registered, err := rt.Origins(r.Context(), client, origin)
	if err != nil || !registered {
		return err
	}
	h.Set(allowOrigin, origin)
	h.Set(credentials, "true")
	allow(h, rt.Function, "Authorization, Content-Type, DPoP, "+SessionRefresh)
	return nil
}

// SessionRefresh is the header of a page's refresh request. Only a script can set it,
// and only one that a preflight allowed.
const SessionRefresh = "X-Session-Refresh"

func allow(h http.Header, f contract.Function, headers string) {
	h.Set("Access-Control-Allow-Methods", strings.Join(f.Methods, ", "))
	h.Set("Access-Control-Allow-Headers", headers)
	h.Set("Access-Control-Expose-Headers", "DPoP-Nonce, WWW-Authenticate, Retry-After, X-Request-Id")
	h.Set("Access-Control-Max-Age", "3600")
}
