package notify_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/session/backchannel"
	"github.com/tipstaff/tipstaff/shared/task/notify"
)

// slow waits for the patience of the task at one address, and does not delay the others.
type slow struct {
	address string
	next    http.RoundTripper
}

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.String(), s.address) {
		ctx, cancel := context.WithTimeout(r.Context(), 20*time.Millisecond)
		defer cancel()
		r = r.WithContext(ctx)
	}
	return s.next.RoundTrip(r)
}

// TestSlowClientDoesNotDelayOthers: a client that did not answer is skipped, and every other
// client is notified in the same run.
func TestSlowClientDoesNotDelayOthers(t *testing.T) {
	s := begin(t)
	release := make(chan struct{})
	hung := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(hung.Close)
	t.Cleanup(func() { close(release) })
	good := serve(t, http.StatusOK)
	s.register("hung", hung.URL)
	s.register("good", good.URL)
	const each = 40
	for range each {
		s.signOut("hung")
	}
	for range each {
		s.signOut("good")
	}
	task := s.task()
	if task.HTTP.Timeout != 5*time.Second {
		t.Errorf("a client may take %v, want 5 s", task.HTTP.Timeout)
	}
	task.HTTP.Transport = slow{hung.URL, task.HTTP.Transport}
	got := s.run(task)
	if got.Delivered != each || got.Failed == 0 || got.Failed > 16 || got.Failed+got.Left != each {
		t.Errorf("result = %+v, want %d delivered, up to 16 failed, and the rest of %d left", got, each, each)
	}
	if n := s.waiting(); n != each {
		t.Errorf("%d notices wait, want %d", n, each)
	}
}

// TestClientThatRefusesOneNoticeGetsTheNext gets the next notice, because it is reachable.
func TestClientThatRefusesOneNoticeGetsTheNext(t *testing.T) {
	s := begin(t)
	a := serve(t, http.StatusBadRequest)
	s.register("app", a.URL)
	const n = 40
	for range n {
		s.signOut("app")
	}
	if got, want := s.run(s.task()), (notify.Result{Failed: n}); got != want {
		t.Errorf("result = %+v, want %+v", got, want)
	}
}

// TestRunNearItsEndBeginsNoNotice: near the end of its time a run leaves the remaining
// notices to the next run.
func TestRunNearItsEndBeginsNoNotice(t *testing.T) {
	s := begin(t)
	a := serve(t, http.StatusOK)
	s.register("app", a.URL)
	s.signOut("app")
	ctx, cancel := context.WithTimeout(context.Background(), 6*time.Second)
	defer cancel()
	answer, err := s.task().Invoke(ctx, nil)
	if want := `{"delivered":0,"failed":0,"abandoned":0,"left":1}`; err != nil || string(answer) != want {
		t.Errorf("Invoke with 6 s to go = %s, %v, want %s", answer, err, want)
	}
	if got, want := s.run(s.task()), (notify.Result{Delivered: 1}); got != want {
		t.Errorf("the next run = %+v, want %+v", got, want)
	}
}

// TestAddressesThatAreNotCalled, each with the reason: nothing is sent, and the trail
// records it. The second is the prefix test of Keycloak CVE-2026-18211.
func TestAddressesThatAreNotCalled(t *testing.T) {
	a := serve(t, http.StatusOK)
	port := a.URL[strings.LastIndex(a.URL, ":"):]
	for name, tt := range map[string]struct{ issuer, address string }{
		"plain http":            {issuer, "http://app.example.com/logout"},
		"looks like localhost":  {issuer, "http://localhost.evil.test/logout"},
		"loopback of a Lambda":  {"https://auth.example.com", a.URL},
		"another scheme":        {issuer, "ftp://app.example.com/logout"},
		"script":                {issuer, "javascript:alert(1)"},
		"no host":               {issuer, "https:///logout"},
		"a name and a password": {issuer, "https://ada:secret@app.example.com/logout"},
		"a name of the loopback": {
			issuer, "http://127.0.0.1@evil.test" + port,
		},
		"a fragment":  {issuer, "https://app.example.com/logout#x"},
		"a bare path": {issuer, "/logout"},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.register("app", tt.address)
			s.signOut("app")
			task := s.task()
			task.Tokens.Issuer = tt.issuer
			task.HTTP.Transport = nobody{t}
			if got, want := s.run(task), (notify.Result{Abandoned: 1}); got != want {
				t.Errorf("result = %+v, want %+v", got, want)
			}
			if n := s.Entries(backchannel.ActionUndelivered); n != 1 {
				t.Errorf("the trail has %d entries, want 1", n)
			}
		})
	}
	if n := len(a.received()); n != 0 {
		t.Errorf("%d calls arrived, want none", n)
	}
}

// This transport fails the test at every call.
type nobody struct{ t *testing.T }

func (n nobody) RoundTrip(r *http.Request) (*http.Response, error) {
	n.t.Errorf("%s was called", r.URL)
	return nil, io.ErrUnexpectedEOF
}

// TestRemovedClientsAreNotCalled are not called, and the trail records it.
func TestRemovedClientsAreNotCalled(t *testing.T) {
	a := serve(t, http.StatusOK)
	for name, c := range map[string]client.Client{
		"removed":                {ID: "another", BackChannelURI: a.URL},
		"disabled":               {ID: "app", BackChannelURI: a.URL, Disabled: true},
		"not interested anymore": {ID: "app"},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			c.AuthMethods = []string{"none"}
			s.Register(c)
			s.signOut("app")
			if got, want := s.run(s.task()), (notify.Result{Abandoned: 1}); got != want {
				t.Errorf("result = %+v, want %+v", got, want)
			}
			if n := s.Entries(backchannel.ActionUndelivered); n != 1 || s.waiting() != 0 {
				t.Errorf("%d entries and %d notices are left, want 1 and 0", n, s.waiting())
			}
		})
	}
	if n := len(a.received()); n != 0 {
		t.Errorf("%d calls arrived, want none", n)
	}
}

// TestUntrustedCertificateGetsNoToken: a client without a trusted certificate gets no token.
func TestUntrustedCertificateGetsNoToken(t *testing.T) {
	s := begin(t)
	var got atomic.Int32
	a := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got.Add(1) }))
	a.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the first try
	a.StartTLS()
	t.Cleanup(a.Close)
	s.register("app", a.URL)
	s.signOut("app")
	if result, want := s.run(s.task()), (notify.Result{Failed: 1}); result != want || got.Load() != 0 {
		t.Errorf("result = %+v with %d calls, want %+v with none", result, got.Load(), want)
	}
	s.Pass(time.Minute)
	trusting := s.task()
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate())
	trusting.HTTP.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if result, want := s.run(trusting), (notify.Result{Delivered: 1}); result != want || got.Load() != 1 {
		t.Errorf("with its root the result = %+v with %d calls, want %+v with one", result, got.Load(), want)
	}
}

// TestLogHoldsOnlyCounts and no secret or personal data.
func TestLogHoldsOnlyCounts(t *testing.T) {
	s := begin(t)
	a := serve(t, http.StatusOK)
	s.register("app", a.URL+"/logout?key=hidden")
	s.run(s.task())
	if s.out.Len() != 0 {
		t.Errorf("a run with nothing to do wrote %q", s.out.String())
	}
	s.signOut("app")
	s.run(s.task())
	want := `{"Route":"notify","notices":{"delivered":1,"failed":0,"abandoned":0,"left":0}}` + "\n"
	if !bytes.Equal(s.out.Bytes(), []byte(want)) {
		t.Errorf("a run wrote %q, want %q", s.out.String(), want)
	}
}
