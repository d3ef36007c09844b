package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/tipstaff/tipstaff/shared/oauth"
)

// A limitError refuses a request that came too early: a *throttle.LimitError, or the
// *document.LimitError of a host. It is an interface because this package links no
// store.
type limitError interface {
	error
	// Wait is how long to wait.
	Wait() time.Duration
}

// Limited reports whether the request came too early, by its error. A handler returns
// such an error as it is. The answer is 429 temporarily_unavailable with Retry-After,
// on which clients keep their tokens, and it counts as [contract.MetricThrottled]. A
// page that is shown again uses [Again].
func Limited(err error) bool {
	_, limited := errors.AsType[limitError](err)
	return limited
}

// Again notes why a page is shown once more. A refused attempt is an answer of its
// route and no error, so the shared steps do not see it. Again returns the status of
// the answer: 400, with the code in the log.
//
// For an attempt that came too early, see [Limited], it sets Retry-After and returns
// 429 and the time to wait. That time is zero otherwise.
func Again(w http.ResponseWriter, r *http.Request, code oauth.Code, why error) (status int, wait time.Duration) {
	note := Note(r.Context())
	note.Code, note.Error = string(code), why.Error()
	limit, limited := errors.AsType[limitError](why)
	if !limited {
		return http.StatusBadRequest, 0
	}
	note.Code, note.Throttled = string(oauth.TemporarilyUnavailable), 1
	retryAfter(w.Header(), limit.Wait())
	return http.StatusTooManyRequests, limit.Wait()
}

// retryAfter sets Retry-After to the time to wait, in whole seconds.
func retryAfter(h http.Header, wait time.Duration) {
	h.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
}
