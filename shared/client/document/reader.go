package document

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/contract"
)

// FetchTimeout is how long a [Reader] waits for the function that fetches.
const FetchTimeout = 5 * time.Second

// Reader finds the clients that describe themselves by a document. It never calls
// the server of a client itself.
type Reader struct {
	Store   *Store
	Allowed contract.ClientDocuments
	// Issuer is the base URL of the function that fetches.
	Issuer string
	// HTTP calls that function. Nil means a client that follows no redirect and
	// uses no proxy.
	HTTP *http.Client
}

// direct calls the issuer without proxy and redirects.
var direct = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Client returns the client with a document at a URL, for client.Store. The error
// is client.ErrUnknown when the stage does not allow the host, when id is not the
// URL of a document, or when the document is not valid. Client reads the table
// once when the document is fresh. Otherwise it reads twice, with a request in
// between.
func (r *Reader) Client(ctx context.Context, id string) (*client.Client, error) {
	host, err := metadata.ParseURL(id)
	if err != nil {
		return nil, &RefusedError{Problem: err.Error()}
	}
	if !r.Allowed.Allows(host) {
		return nil, &RefusedError{Problem: "this server takes no documents of this host"}
	}
	e, err := r.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if e != nil && e.Fresh(r.Store.Now(ctx)) {
		return e.Client(id, r.Store.Now(ctx))
	}
	asked := r.ask(ctx, id)
	again, err := r.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	now := r.Store.Now(ctx)
	if again != nil && again.Fresh(now) {
		return again.Client(id, now)
	}
	if asked == nil {
		asked = errors.New("nothing was kept")
	}
	// The function that fetches failed or is at its limit.
	stale := Unreachable(e, asked.Error(), now)
	return stale.Client(id, now)
}

// ask makes the other function fetch the document. A problem with the document is
// not an error here: it stands in the table.
func (r *Reader) ask(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, FetchTimeout)
	defer cancel()
	address := r.Issuer + contract.ClientDocument.Path() + "?" + url.Values{"client_id": {id}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	caller := r.HTTP
	if caller == nil {
		caller = direct
	}
	answer, err := caller.Do(request)
	if err != nil {
		return fmt.Errorf("have a document fetched: %w", err)
	}
	_ = answer.Body.Close() // the answer stands in the table
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("have a document fetched: answered %d", answer.StatusCode)
	}
	return nil
}
