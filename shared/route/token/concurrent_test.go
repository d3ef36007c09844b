package token_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/apigw"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
)

// meeting is a handler that lets requests through to the next one when as many
// as were added are in it: each of them has arrived before any is served.
type meeting struct {
	sync.WaitGroup
	next httpapi.Handler
}

func (m *meeting) Serve(w http.ResponseWriter, r *http.Request) error {
	m.Done()
	m.Wait()
	return m.next.Serve(w, r)
}

// event is a request for a token by the gateway's clock.
func (f *fixture) event(t *testing.T, id string, at time.Time) []byte {
	t.Helper()
	event, err := json.Marshal(map[string]any{
		"routeKey": "POST " + contract.Token.Paths[0],
		"headers":  map[string]string{"content-type": "application/x-www-form-urlencoded"},
		"body": url.Values{
			"grant_type": {oauth.GrantClientCredentials}, "client_id": {"worker"}, "client_secret": {f.secret},
		}.Encode(),
		"requestContext": map[string]any{
			"http": map[string]string{"method": "POST"}, "requestId": id, "timeEpoch": at.UnixMilli(),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// Two events at once are each served at the time at which the gateway took them:
// the tokens and the log lines are of different hours.
func TestConcurrentRequestsHaveTimesOfTheirOwn(t *testing.T) {
	f := newFixture(t)
	first := f.Time
	f.Time = time.Time{} // that of the request
	times := []time.Time{first, first.Add(time.Hour)}

	rt := f.route.(*httpapi.Route)
	inside := &meeting{next: rt.Handler}
	rt.Handler = inside
	serve := apigw.Handler(rt)
	for range 5 { // the first round reads the client and the resource, the others remember them
		f.Log.Reset()
		inside.Add(len(times))
		answers, failures := make([][]byte, len(times)), make([]error, len(times))
		var served sync.WaitGroup
		for i, at := range times {
			event := f.event(t, strconv.Itoa(i), at)
			served.Go(func() { answers[i], failures[i] = serve(t.Context(), event) })
		}
		served.Wait()
		for i, at := range times {
			if failures[i] != nil {
				t.Fatal(failures[i])
			}
			var answer struct {
				StatusCode int    `json:"statusCode"`
				Body       string `json:"body"`
			}
			if err := json.Unmarshal(answers[i], &answer); err != nil {
				t.Fatal(err)
			}
			got := routetest.Answer{Status: answer.StatusCode, Body: answer.Body}
			if err := json.Unmarshal([]byte(answer.Body), &got.JSON); err != nil || got.Status != http.StatusOK {
				t.Fatalf("request %d = %d %s, %v", i, got.Status, got.Body, err)
			}
			c := claims(t, got)
			issued, expires, lifetime := c["iat"].(float64), c["exp"].(float64), got.JSON["expires_in"].(float64)
			if int64(issued) != at.Unix() || expires != issued+lifetime {
				t.Errorf("request %d: iat %.0f, exp %.0f, expires_in %.0f, want issued at %d", i, issued, expires, lifetime, at.Unix())
			}
			if got := logged(t, f.Log.String(), strconv.Itoa(i)); got != at.UnixMilli() {
				t.Errorf("request %d: logged at %d, want %d", i, got, at.UnixMilli())
			}
		}
	}
}

// logged is the time of the log line of a request.
func logged(t *testing.T, log, id string) int64 {
	t.Helper()
	for text := range strings.Lines(log) {
		var line struct {
			RequestID string `json:"request_id"`
			AWS       struct {
				Timestamp int64 `json:"Timestamp"`
			} `json:"_aws"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("log line %s: %v", text, err)
		}
		if line.RequestID == id {
			return line.AWS.Timestamp
		}
	}
	t.Fatalf("no line of request %s in the log:\n%s", id, log)
	return 0
}
