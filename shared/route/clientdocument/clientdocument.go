// Package clientdocument serves GET /client, which fetches and validates the document
// with which a client describes itself (OAuth Client ID Metadata Document).
//
// It is the only route that calls a server named by an unauthenticated request. For
// this reason it may access only the table of its results (see packages fetch and
// document). The other routes ask this route for a document that they do not have.
// Developers can ask it too: it answers with the metadata in effect, or with the
// error in the document.
package clientdocument

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/tipstaff/tipstaff/shared/client/document"
	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/fetch"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
)

// New builds the route from its environment.
func New(e *wire.Env) (http.Handler, error) {
	route := e.Route(&Handler{
		Documents: &document.Store{DB: dynamo.Client(e), Table: e.Name(contract.Documents), Now: e.Now},
		Fetcher:   new(fetch.Fetcher),
		Allowed:   e.ClientDocuments,
		Now:       e.Now,
	})
	route.Problems = true
	return route, nil
}

// Handler fetches documents.
type Handler struct {
	Documents *document.Store
	Fetcher   *fetch.Fetcher
	Allowed   contract.ClientDocuments
	Now       func(context.Context) time.Time
}

// Answer is the metadata of a valid document.
type Answer struct {
	metadata.Answer
	// Fetched is when the document was fetched, and Until the earliest time of
	// the next fetch, in epoch seconds.
	Fetched int64 `json:"fetched_at"`
	Until   int64 `json:"fresh_until"`
	// Problem is the reason why the last attempt to fetch it again failed, if any.
	Problem string `json:"problem,omitempty"`
}

// Serve answers 200 with an [Answer] for a valid document, and 400 with the error in
// an invalid one. When the server of the document cannot be reached the status is 424
// (RFC 4918 §11.4), unless an earlier document is still valid. The status is no 5xx
// because the fault is not ours and must raise no alarm.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request) error {
	id := r.URL.Query().Get("client_id")
	host, err := h.admit(id)
	if err != nil {
		return err
	}
	entry, err := h.entry(r.Context(), id, host)
	if err != nil {
		return err
	}
	switch {
	case entry.Metadata != nil:
		httpapi.Note(r.Context()).Client = id
		httpapi.Answer(w, http.StatusOK, Answer{
			Answer: entry.Metadata.Answer(id), Problem: entry.Problem,
			Fetched: entry.Fetched.Unix(), Until: entry.Until.Unix(),
		})
		return nil
	case entry.Temporary:
		return &httpapi.StatusError{
			Status: http.StatusFailedDependency, RetryAfter: max(time.Second, entry.Until.Sub(h.Now(r.Context()))),
			Err: oauth.Refuse(oauth.TemporarilyUnavailable, entry.Problem),
		}
	default:
		return oauth.Refuse(oauth.InvalidClientMetadata, entry.Problem)
	}
}

// admit returns the host of the URL of a document, if the stage accepts documents of
// this host.
func (h *Handler) admit(id string) (string, error) {
	if h.Allowed.Off() {
		return "", oauth.Refuse(oauth.NotFound, "this server takes no client metadata documents")
	}
	if id == "" {
		return "", oauth.Refuse(oauth.InvalidRequest, "client_id is missing")
	}
	host, err := metadata.ParseURL(id)
	if err != nil {
		return "", oauth.Refuse(oauth.InvalidRequest, "client_id: "+err.Error())
	}
	if !h.Allowed.Allows(host) {
		return "", httpapi.Forbid("this server takes no documents of this host")
	}
	return host, nil
}

// entry returns the cached result for a document, and fetches the document when the
// result is missing or not fresh.
func (h *Handler) entry(ctx context.Context, id, host string) (*document.Cached, error) {
	before, err := h.Documents.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if before != nil && before.Fresh(h.Now(ctx)) {
		return before, nil
	}
	if err := h.Documents.Reserve(ctx, host); err != nil {
		return nil, err
	}
	entry := h.fetch(ctx, id, before)
	return entry, h.Documents.Put(ctx, id, entry)
}

// fetch fetches and validates the document at a URL.
func (h *Handler) fetch(ctx context.Context, id string, before *document.Cached) *document.Cached {
	found, err := h.Fetcher.Get(ctx, id)
	if problem, ok := errors.AsType[*fetch.Error](err); ok && !problem.Temporary {
		httpapi.Note(ctx).Error = problem.Error()
		return document.Refused(problem.Reason, h.Now(ctx))
	}
	if err != nil {
		httpapi.Note(ctx).Error = err.Error()
		return document.Unreachable(before, reason(err), h.Now(ctx))
	}
	m, err := metadata.ParseDocument(id, found.Body)
	if refused, ok := errors.AsType[*oauth.Error](err); ok {
		return document.Refused(refused.Detail, h.Now(ctx))
	}
	if err != nil {
		return document.Refused("the document cannot be read", h.Now(ctx))
	}
	return document.Found(m, h.Now(ctx), found.MaxAge)
}

// reason is the error text for the developer of a client. It contains nothing of the
// errors of our network.
func reason(err error) string {
	if problem, ok := errors.AsType[*fetch.Error](err); ok {
		return problem.Reason
	}
	return "the document cannot be fetched"
}
