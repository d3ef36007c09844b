package device_test

import (
	"context"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

// bench is a store of device requests with a store of sessions.
type bench struct {
	*sessiontest.Bench
	device.Store
	t *testing.T
}

func newBench(t *testing.T) *bench {
	t.Helper()
	s := sessiontest.New(t)
	return &bench{t: t, Bench: s, Store: device.Store{
		DB: s.DB, Sessions: s.Sessions, Trail: s.Trail, Now: s.Clock.Tell,
		Key: func(context.Context) ([]byte, error) { return []byte("a key for tests"), nil },
	}}
}

// asked is the request of the television.
var asked = device.NewRequest{
	Client: "tv", Scope: "notes.read offline_access", Audience: []string{"https://notes.example.com"},
	ClientInfo: session.NewClientInfo("198.51.100.9", "Television/3"),
}

// start begins a sign-in.
func (b *bench) start() *device.Codes {
	b.t.Helper()
	codes, err := b.Create(b.t.Context(), asked)
	if err != nil {
		b.t.Fatal(err)
	}
	return codes
}

// find returns the request of a user code.
func (b *bench) find(code device.UserCode) *device.Request {
	b.t.Helper()
	r, err := b.Find(b.t.Context(), code)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// open returns the request of a user code if it can still be decided.
func (b *bench) open(code device.UserCode) (*device.Request, error) {
	r, err := b.Find(b.t.Context(), code)
	if err == nil {
		err = b.Open(b.t.Context(), r)
	}
	return r, err
}

// by is a decision of a user.
func (b *bench) by(subject string) device.Decision {
	return device.Decision{
		Subject: subject, AuthGen: 0, AuthTime: b.Clock.Now().Add(-time.Minute).UTC().Truncate(time.Second),
		AMR: []string{"pwd"}, Login: "01JD9ZQZ7M3S9T6W9B0V5K8XYZ", LoginEnds: b.Clock.Now().Add(time.Hour).UTC().Truncate(time.Second),
	}
}

// approve approves the device with a user code.
func (b *bench) approve(code device.UserCode) (subject string) {
	b.t.Helper()
	subject = b.User()
	if err := b.Approve(b.t.Context(), b.find(code), b.by(subject), "r-approve"); err != nil {
		b.t.Fatal(err)
	}
	return subject
}
