package notify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/backchannel"
	"github.com/tipstaff/tipstaff/shared/task/notify"
	"github.com/tipstaff/tipstaff/shared/token"
)

// issuer is that of a stage on a developer's machine, so that the task may call clients
// there over plain http.
const issuer = "http://localhost:8080"

// stage is a stage with a task and a user with sessions.
type stage struct {
	*pagetest.Stage
	ada string
	out bytes.Buffer
}

func begin(t *testing.T) *stage {
	t.Helper()
	s := &stage{Stage: pagetest.New(t)}
	s.ada = s.Person("ada", "")
	return s
}

// task returns the task as a new process builds it.
func (s *stage) task() *notify.Task {
	return &notify.Task{
		Notices: &backchannel.Queue{Kind: backchannel.Notices, DB: s.DB, Table: s.Table(contract.Sessions), Trail: s.Trail(), Now: s.Now},
		Clients: s.Clients(),
		Tokens:  &token.Minter{Issuer: issuer, Keys: s.Keys, Now: s.Now},
		HTTP:    notify.NewClient(),
		Now:     s.Now,
		Stdout:  &s.out,
	}
}

// signOut signs ada in to the client, and out again. It returns the sid that the client
// knows.
func (s *stage) signOut(clientID string) string {
	s.T.Helper()
	ctx := context.Background()
	l, _ := s.Login(s.ada)
	g, err := s.Sessions().CreateGrant(ctx, session.NewGrant{
		Subject: s.ada, Client: clientID, AuthTime: s.Time, Login: l.ID, Notify: true, Idle: time.Hour, Absolute: time.Hour,
	})
	if err != nil {
		s.T.Fatal(err)
	}
	if _, err := s.Sessions().EndLogin(ctx, s.ada, l.ID, session.Cause{Why: session.LoggedOut, Actor: s.ada}); err != nil {
		s.T.Fatal(err)
	}
	return g.ID
}

// run runs the task and returns its result.
func (s *stage) run(task *notify.Task) notify.Result {
	s.T.Helper()
	answer, err := task.Invoke(context.Background(), nil)
	if err != nil {
		s.T.Fatalf("Invoke = %v", err)
	}
	var r notify.Result
	if err := json.Unmarshal(answer, &r); err != nil {
		s.T.Fatalf("Invoke answered %s: %v", answer, err)
	}
	return r
}

// waiting returns the number of notices, due or not.
func (s *stage) waiting() int {
	s.T.Helper()
	later := *s.task().Notices
	later.Now = func(context.Context) time.Time { return s.Time.Add(1000 * time.Hour) }
	all, err := later.Due(context.Background(), nil)
	if err != nil {
		s.T.Fatal(err)
	}
	return len(all)
}

// app is a client's server. It answers with the status that a test sets.
type app struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	header http.Header
	posts  []post
}

type post struct {
	method, contentType string
	form                url.Values
}

func serve(t *testing.T, status int) *app {
	t.Helper()
	a := &app{status: status}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body)) // a broken one lacks its token
	a.mu.Lock()
	defer a.mu.Unlock()
	a.posts = append(a.posts, post{r.Method, r.Header.Get("Content-Type"), form})
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
}

func (a *app) set(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status = status
}

func (a *app) received() []post {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]post(nil), a.posts...)
}

// register makes the server the client of that id.
func (s *stage) register(id, address string) {
	s.Register(client.Client{ID: id, AuthMethods: []string{"none"}, BackChannelURI: address})
}

func TestClientGetsOneLogoutToken(t *testing.T) {
	for status, body := range map[int]string{http.StatusOK: "200", http.StatusNoContent: "204"} {
		t.Run(body, func(t *testing.T) {
			s := begin(t)
			a := serve(t, status)
			s.register("app", a.URL+"/logout?from=tipstaff")
			sid := s.signOut("app")
			if got, want := s.run(s.task()), (notify.Result{Delivered: 1}); got != want {
				t.Fatalf("result = %+v, want %+v", got, want)
			}
			posts := a.received()
			if len(posts) != 1 || posts[0].method != http.MethodPost || posts[0].contentType != "application/x-www-form-urlencoded" || len(posts[0].form) != 1 {
				t.Fatalf("the client received %+v, want one POST of a form with one field", posts)
			}
			check(t, s, posts[0].form.Get("logout_token"), "app", sid)
			if n := s.waiting(); n != 0 {
				t.Errorf("%d notices wait, want 0", n)
			}
			s.Pass(time.Hour)
			if got := s.run(s.task()); got != (notify.Result{}) || len(a.received()) != 1 {
				t.Errorf("a later run = %+v with %d posts, want nothing more to do", got, len(a.received()))
			}
		})
	}
}

// check checks a logout token by OIDC Back-Channel Logout §2.4.
func check(t *testing.T, s *stage, text, clientID, sid string) {
	t.Helper()
	jws, err := token.Parse(text)
	if err != nil {
		t.Fatalf("the logout token %q: %v", text, err)
	}
	key, err := s.Published().Verifying(context.Background(), jws.KeyID)
	if err != nil {
		t.Fatalf("key %s of the logout token: %v", jws.KeyID, err)
	}
	if err := jws.Verify(key); err != nil || jws.Type != "logout+jwt" || jws.Algorithm != "ES256" {
		t.Errorf("the logout token is %s of type %s: %v, want a good ES256 of type logout+jwt", jws.Algorithm, jws.Type, err)
	}
	var c map[string]any
	if err := jws.Claims(&c); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"iss": issuer, "sub": s.ada, "sid": sid, "iat": float64(s.Time.Unix()), "nonce": nil} {
		if c[name] != want {
			t.Errorf("%s = %v, want %v", name, c[name], want)
		}
	}
	if c["aud"] != clientID || c["jti"] == "" || c["exp"].(float64) <= c["iat"].(float64) {
		t.Errorf("claims = %v, want the client as audience, a jti, and an end after the beginning", c)
	}
	if _, ok := c["events"].(map[string]any)["http://schemas.openid.net/event/backchannel-logout"].(map[string]any); !ok {
		t.Errorf("events = %v, want the logout event with an object", c["events"])
	}
}

// jti returns the id of a logout token.
func jti(t *testing.T, p post) string {
	t.Helper()
	jws, err := token.Parse(p.form.Get("logout_token"))
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		ID string `json:"jti"`
	}
	if err := jws.Claims(&c); err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// TestRetriesEndAfterADay: after growing pauses, under one jti, and with an audit entry in
// the end.
func TestRetriesEndAfterADay(t *testing.T) {
	s := begin(t)
	a := serve(t, http.StatusInternalServerError)
	s.register("app", a.URL)
	s.signOut("app")
	tries := []int{0, 1, 5, 21, 85, 341, 1061, 24 * 60} // minutes after the end
	at := time.Duration(0)
	for i, minutes := range tries {
		next := time.Duration(minutes) * time.Minute
		if before := next - time.Second; i > 0 {
			s.Pass(before - at)
			at = before
			if got := s.run(s.task()); got != (notify.Result{}) {
				t.Errorf("a run after %v = %+v, want that nothing is due", at, got)
			}
		}
		s.Pass(next - at)
		at = next
		want := notify.Result{Failed: 1}
		if i == len(tries)-1 {
			want = notify.Result{Abandoned: 1}
		}
		if got := s.run(s.task()); got != want {
			t.Errorf("the run after %v = %+v, want %+v", at, got, want)
		}
	}
	posts := a.received()
	if len(posts) != len(tries) {
		t.Fatalf("the client was called %d times, want %d", len(posts), len(tries))
	}
	for i, p := range posts {
		if got, want := jti(t, p), jti(t, posts[0]); got != want {
			t.Errorf("try %d has the jti %s, want that of the first, %s", i, got, want)
		}
	}
	if n := s.Entries(backchannel.ActionUndelivered); n != 1 || s.waiting() != 0 {
		t.Errorf("%d entries and %d notices are left, want 1 and 0", n, s.waiting())
	}
}

func TestClientThatRecoversIsNotified(t *testing.T) {
	s := begin(t)
	a := serve(t, http.StatusServiceUnavailable)
	s.register("app", a.URL)
	sid := s.signOut("app")
	s.run(s.task())
	a.set(http.StatusOK)
	if got := s.run(s.task()); got != (notify.Result{}) {
		t.Errorf("a run at once = %+v, want a pause", got)
	}
	s.Pass(time.Minute)
	if got, want := s.run(s.task()), (notify.Result{Delivered: 1}); got != want {
		t.Errorf("a run a minute later = %+v, want %+v", got, want)
	}
	posts := a.received()
	check(t, s, posts[len(posts)-1].form.Get("logout_token"), "app", sid)
	if s.waiting() != 0 || s.Entries(backchannel.ActionUndelivered) != 0 {
		t.Error("something is left of a notice that was delivered")
	}
}

// TestOnly200And204AreASuccess: only 200 and 204 are a success, and a redirect is not
// followed.
func TestOnly200And204AreASuccess(t *testing.T) {
	elsewhere := serve(t, http.StatusOK)
	for _, status := range []int{201, 202, 301, 302, 303, 307, 308, 400, 401, 404, 429, 500, 501, 504} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			s := begin(t)
			a := serve(t, status)
			a.header = http.Header{"Location": {elsewhere.URL + "/"}}
			s.register("app", a.URL)
			s.signOut("app")
			if got, want := s.run(s.task()), (notify.Result{Failed: 1}); got != want || s.waiting() != 1 {
				t.Errorf("after %d the result = %+v with %d waiting, want %+v with 1", status, got, s.waiting(), want)
			}
		})
	}
	if n := len(elsewhere.received()); n != 0 {
		t.Errorf("%d redirects were followed, want none", n)
	}
}

// TestClientIsNotifiedOfEndsByOthers: a client is notified of the end of the user's
// session, whatever ends it. It is not notified when it ends the session itself or has
// no address for notices.
func TestClientIsNotifiedOfEndsByOthers(t *testing.T) {
	ctx := context.Background()
	a := serve(t, http.StatusOK)
	tests := []struct {
		name string
		end  func(s *stage, g *session.Grant) error
		want int
	}{
		{"everything, by the user", func(s *stage, _ *session.Grant) error {
			_, err := s.Sessions().EndAll(ctx, s.ada, session.Cause{Why: session.Revoked, Actor: s.ada})
			return err
		}, 1},
		{"the account page", func(s *stage, g *session.Grant) error {
			_, err := s.Sessions().EndItem(ctx, s.ada, g.ID, session.Cause{Why: session.Revoked, Actor: s.ada})
			return err
		}, 1},
		{"an operator", func(s *stage, g *session.Grant) error {
			_, err := s.Sessions().EndItem(ctx, s.ada, g.ID, session.Cause{Why: session.Admin, Actor: "operator"})
			return err
		}, 1},
		{"others, from another session", func(s *stage, _ *session.Grant) error {
			l, _ := s.Login(s.ada)
			_, err := s.Sessions().EndOthers(ctx, s.ada, l.ID, session.Cause{Why: session.Revoked, Actor: s.ada})
			return err
		}, 1},
		{"the client's own revocation", func(s *stage, g *session.Grant) error {
			return s.Sessions().End(ctx, s.ada, g.ID, session.Cause{Why: session.Revoked, Actor: "app"})
		}, 0},
		{"the client's own choice of this session", func(s *stage, g *session.Grant) error {
			_, err := s.Sessions().EndItem(ctx, s.ada, g.ID, session.Cause{Why: session.Revoked, Actor: "app"})
			return err
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := begin(t)
			s.register("app", a.URL)
			told, err := s.Sessions().CreateGrant(ctx, session.NewGrant{
				Subject: s.ada, Client: "app", AuthTime: s.Time, Notify: true, Idle: time.Hour, Absolute: time.Hour,
			})
			if err != nil {
				t.Fatal(err)
			}
			s.Grant(s.ada, "other", "") // which does not want to know
			if err := tt.end(s, told); err != nil {
				t.Fatal(err)
			}
			if got, want := s.run(s.task()), (notify.Result{Delivered: tt.want}); got != want {
				t.Errorf("result = %+v, want %+v", got, want)
			}
		})
	}
}

// TestConcurrentRunsSendOneNoticeOnce send one notice once.
func TestConcurrentRunsSendOneNoticeOnce(t *testing.T) {
	s := begin(t)
	a := serve(t, http.StatusOK)
	s.register("app", a.URL)
	for range 5 {
		s.signOut("app")
	}
	var runs sync.WaitGroup
	for range 4 {
		task := s.task()
		task.Stdout = io.Discard
		runs.Go(func() {
			if _, err := task.Invoke(context.Background(), nil); err != nil {
				t.Errorf("Invoke = %v", err)
			}
		})
	}
	runs.Wait()
	if n := len(a.received()); n != 5 || s.waiting() != 0 {
		t.Errorf("the client received %d posts and %d wait, want 5 and 0", n, s.waiting())
	}
}

// wire fails database calls with one of the names.
type wire struct {
	dynamodb.HTTPClient
	mu   sync.Mutex
	fail string
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail != "" && strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+w.fail) {
		return nil, errors.New("the process died")
	}
	return w.HTTPClient.Do(r)
}

// TestACrashSendsTwiceAndNeverZero: after a crash that follows the client's answer, the next
// run sends the same notice again. A crash before it has sent nothing.
func TestACrashSendsTwiceAndNeverZero(t *testing.T) {
	for call, sent := range map[string]int{"DeleteItem": 2, "UpdateItem": 1} {
		t.Run(call, func(t *testing.T) {
			s := begin(t)
			a := serve(t, http.StatusOK)
			s.register("app", a.URL)
			sid := s.signOut("app")
			w := &wire{HTTPClient: s.DB.Options().HTTPClient, fail: call}
			dying := s.task()
			dying.Notices.DB = dynamodb.New(s.DB.Options(), func(o *dynamodb.Options) { o.HTTPClient, o.RetryMaxAttempts = w, 1 })
			if answer, err := dying.Invoke(context.Background(), nil); err == nil {
				t.Fatalf("Invoke = %s, want the error of the database", answer)
			}
			s.Pass(time.Minute)
			if got, want := s.run(s.task()), (notify.Result{Delivered: 1}); got != want {
				t.Errorf("the next run = %+v, want %+v", got, want)
			}
			posts := a.received()
			if len(posts) != sent || s.waiting() != 0 {
				t.Fatalf("the client received %d posts and %d wait, want %d and 0", len(posts), s.waiting(), sent)
			}
			check(t, s, posts[len(posts)-1].form.Get("logout_token"), "app", sid)
			if first, last := jti(t, posts[0]), jti(t, posts[len(posts)-1]); first != last {
				t.Errorf("the same notice has the jti %s and %s", first, last)
			}
		})
	}
}

// TestWithoutKeysNothingIsLost: a notice that cannot be signed is not taken.
func TestWithoutKeysNothingIsLost(t *testing.T) {
	s := begin(t)
	a := serve(t, http.StatusOK)
	s.register("app", a.URL)
	s.signOut("app")
	locked := s.task()
	locked.Tokens.Keys = func(context.Context) (*keys.Document, error) { return nil, errors.New("the secret cannot be read") }
	if answer, err := locked.Invoke(context.Background(), nil); err == nil {
		t.Errorf("Invoke without keys = %s, want an error", answer)
	}
	if got, want := s.run(s.task()), (notify.Result{Delivered: 1}); got != want {
		t.Errorf("a run with keys at once = %+v, want %+v", got, want)
	}
}
