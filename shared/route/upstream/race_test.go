package upstream_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity/external"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/shared/upstream/upstreamtest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// meddler makes a change right before the first transaction.
type meddler struct {
	next aws.HTTPClient
	act  func()
}

// Do sends a call.
func (m *meddler) Do(r *http.Request) (*http.Response, error) {
	if act := m.act; act != nil && strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems") {
		m.act = nil
		act()
	}
	return m.next.Do(r)
}

// A change between the judgment of a sign-in and its write counts.
func TestChangedUnderTheSignIn(t *testing.T) {
	tests := []struct {
		name   string
		act    func(*scene, *external.Link)
		status int
		text   string
	}{
		{"unlinked", func(s *scene, l *external.Link) {
			user, err := s.People().Get(s.T.Context(), l.Subject)
			if err == nil {
				err = dynamo.Tx(append(s.links.Removing(l), s.People().Changing(user, dynamo.Changes{}))).Run(s.T.Context(), s.DB)
			}
			if err != nil {
				s.T.Error(err)
			}
		}, http.StatusForbidden, web.UpstreamNoAccount("", "").Title},
		{"disabled", func(s *scene, l *external.Link) { s.flag(l.Subject, dynamo.AttrDisabled) }, http.StatusForbidden, web.SwitchedOff("").Title},
		{"removed", func(s *scene, l *external.Link) { s.forget(l.Subject) }, http.StatusForbidden, web.UpstreamNoAccount("", "").Title},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t)
			s.offer("work", func(u *upstream.Upstream) { u.FirstSignIn = upstream.FirstInvitation })
			l := s.attach(s.Person("ada", ""), upstreamtest.Ada)
			untouched := s.DB
			m := &meddler{next: s.DB.Options().HTTPClient}
			s.DB = dynamodb.New(s.DB.Options(), func(o *dynamodb.Options) { o.HTTPClient = m })
			s.reopen()
			s.DB = untouched
			b := s.open("")
			back := s.there(b, start)
			m.act = func() { tt.act(s, l) }
			s.refused(b, b.Get(back), tt.status, tt.text)
			if m.act != nil {
				t.Error("nothing was written before the refusal: the test shows nothing")
			}
		})
	}
}
