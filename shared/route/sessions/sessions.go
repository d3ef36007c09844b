// Package sessions serves /sessions: users see where they are signed in, and end the
// sessions that they do not want. The account page shows the same. This API is for
// clients, such as one that lists the devices of its users.
//
//	GET    /sessions                 list the live sessions, the last used first
//	DELETE /sessions                 sign out everywhere
//	DELETE /sessions/{id}            end one session
//	POST   /sessions/revoke-others   end all but the session of the request
package sessions

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/keys/published"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
)

// New builds the route from its environment.
func New(e *wire.Env) (http.Handler, error) {
	db := dynamo.Client(e)
	table := e.Name(contract.Registry)
	store := dynamo.Sessions(e, db)
	route := e.Route(&Handler{
		Sessions: store,
		Guard: &userauth.Guard{
			Issuer: e.Issuer, Browser: &userauth.Browser{Sessions: store}, Now: e.Now,
			Bearer: &bearer.Guard{
				Issuer: e.Issuer, Keys: &published.Store{DB: db, Table: table, Now: e.Now},
				Proofs: dynamo.Proofs(e, db), Now: e.Now,
			},
		},
	})
	route.Problems = true
	route.Origins = websec.Origins(&client.Store{DB: db, Table: table, Now: e.Now})
	return route, nil
}

// Handler answers for the user that the request comes from, and for no other.
type Handler struct {
	Guard    *userauth.Guard
	Sessions *session.Store
}

// Session is one place where a user is signed in. Times are Unix seconds.
type Session struct {
	ID string `json:"id"`
	// Kind is "login" for a browser and "grant" for a client.
	Kind string `json:"kind"`
	// Current is true for the session of the request.
	Current  bool  `json:"current"`
	Created  int64 `json:"created"`
	LastUsed int64 `json:"last_used"`
	// Expires is when the session ends unless it is used again.
	Expires  int64 `json:"expires_at"`
	AuthTime int64 `json:"auth_time"`
	// Client and Scope are those of a grant.
	Client string `json:"client_id,omitempty"`
	Scope  string `json:"scope,omitempty"`
	// Device is a label, and IP the prefix of an address; absent if unknown.
	Device string   `json:"device,omitempty"`
	IP     string   `json:"ip,omitempty"`
	AMR    []string `json:"amr,omitempty"`
}

// List is the answer to GET.
type List struct {
	Sessions []Session `json:"sessions"`
}

// Ended is the answer to a request that ends sessions: their number.
type Ended struct {
	Ended int `json:"ended"`
}

// Serve finds the user of the request and calls the method that it asks for. The id is
// that of the path as the gateway decoded it, which is not trusted: only an id in its
// one spelling is accepted.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	const others = "/sessions/revoke-others"
	u, err := h.Guard.Require(r)
	if err != nil {
		return err
	}
	id, one := strings.CutPrefix(r.URL.Path, "/sessions/")
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case !one && reads:
		return h.list(w, r, u)
	case !one && r.Method == http.MethodDelete:
		return h.endAll(w, r, u)
	case r.URL.Path == others && r.Method == http.MethodPost:
		return h.endOthers(w, r, u)
	case one && r.URL.Path != others && r.Method == http.MethodDelete:
		return h.end(w, r, u, id)
	}
	allow := "GET, HEAD, DELETE"
	if r.URL.Path == others {
		allow = "POST"
	} else if one {
		allow = "DELETE"
	}
	w.Header().Set("Allow", allow)
	return &httpapi.StatusError{
		Status: http.StatusMethodNotAllowed,
		Err:    oauth.Refuse(oauth.InvalidRequest, "this method is not allowed here"),
	}
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request, u *userauth.User) error {
	items, err := h.Sessions.List(r.Context(), u.Subject)
	if err != nil {
		return err
	}
	answer := List{Sessions: make([]Session, len(items))}
	for i, item := range items {
		answer.Sessions[i] = Session{
			ID: item.ID, Kind: string(item.Kind), Current: item.ID == u.Session,
			Created: item.Created.Unix(), LastUsed: item.Used.Unix(), Expires: item.Expires.Unix(), AuthTime: item.AuthTime.Unix(),
			Client: item.Client, Scope: item.Scope, Device: item.Agent, IP: item.IP, AMR: item.AMR,
		}
	}
	httpapi.Answer(w, http.StatusOK, answer)
	return nil
}

// end ends one session. A session of another user gets the same answer as one that
// never existed.
func (h *Handler) end(w http.ResponseWriter, r *http.Request, u *userauth.User, id string) error {
	unknown := oauth.Refuse(oauth.NotFound, "there is no such session")
	if parsed, err := ulid.ParseStrict(id); err != nil || parsed.String() != id {
		return unknown
	}
	n, err := h.Sessions.EndItem(r.Context(), u.Subject, id, cause(r.Context(), u))
	if errors.Is(err, session.ErrUnknown) {
		return unknown
	}
	if err != nil {
		return err
	}
	if u.Cookie && id == u.Session {
		userauth.Forget(w, r)
	}
	httpapi.Answer(w, http.StatusOK, Ended{n})
	return nil
}

func (h *Handler) endOthers(w http.ResponseWriter, r *http.Request, u *userauth.User) error {
	n, err := h.Sessions.EndOthers(r.Context(), u.Subject, u.Session, cause(r.Context(), u))
	if errors.Is(err, session.ErrUnknown) {
		// It ended between the two reads, so no session is left to keep.
		return oauth.Refuse(oauth.InvalidRequest, "the session that asks has just ended")
	}
	if err != nil {
		return err
	}
	httpapi.Answer(w, http.StatusOK, Ended{n})
	return nil
}

// endAll signs the user out everywhere, here too. It requires a recent sign-in,
// because another person at an unlocked computer must not be able to do this.
func (h *Handler) endAll(w http.ResponseWriter, r *http.Request, u *userauth.User) error {
	if err := h.Guard.Fresh(r.Context(), u); err != nil {
		return err
	}
	n, err := h.Sessions.EndAll(r.Context(), u.Subject, cause(r.Context(), u))
	if err != nil {
		return err
	}
	if u.Cookie {
		userauth.Forget(w, r)
	}
	httpapi.Answer(w, http.StatusOK, Ended{n})
	return nil
}

func cause(ctx context.Context, u *userauth.User) session.Cause {
	return session.Cause{Why: session.Revoked, Actor: u.Subject, RequestID: httpapi.RequestID(ctx)}
}
