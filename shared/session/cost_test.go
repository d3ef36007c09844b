package session_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

// Each operation has a fixed cost in calls and capacity units. An audit entry is three
// write units: two as part of a transaction, and one for its index.
func TestCost(t *testing.T) {
	const (
		one   = 2 // an item written or checked in a transaction
		entry = 3
	)
	ctx := context.Background()
	tests := []struct {
		name        string
		do          func(*sessiontest.Bench, family) error
		calls       string
		write, read float64
	}{
		{"refresh", func(b *sessiontest.Bench, f family) error {
			_, _, err := b.Refresh(f.phone, 1, nil)
			return err
		}, "UpdateItem", 1, 0},
		// DynamoDB charges a failed condition like a write, and does not
		// report it.
		{"refresh again", func(b *sessiontest.Bench, f family) error {
			_, _, err := b.Refresh(f.phone, 1, nil)
			return err
		}, "UpdateItem", 0, 0},
		{"read a grant", func(b *sessiontest.Bench, f family) error {
			_, err := b.Store.Grant(ctx, f.subject, f.phone.ID)
			return err
		}, "GetItem", 0, 1},
		{"read a login", func(b *sessiontest.Bench, f family) error {
			_, err := b.LoginByCookie(ctx, f.cookie)
			return err
		}, "GetItem", 0, 1},
		{"list", func(b *sessiontest.Bench, f family) error {
			_, err := b.List(ctx, f.subject)
			return err
		}, "Query", 0, 1},
		{"end a grant", func(b *sessiontest.Bench, f family) error {
			return b.End(ctx, f.subject, f.phone.ID, revoked)
		}, "TransactWriteItems", one + entry, 0},
		{"end a grant that the owner chose", func(b *sessiontest.Bench, f family) error {
			_, err := b.EndItem(ctx, f.subject, f.onDesk.ID, revoked)
			return err
		}, "Query TransactWriteItems", one + entry, 1},
		{"log out of two grants", func(b *sessiontest.Bench, f family) error {
			_, err := b.EndLogin(ctx, f.subject, f.laptop.ID, revoked)
			return err
		}, "Query TransactWriteItems Query", 3*one + entry, 2},
		{"create a grant", func(b *sessiontest.Bench, f family) error {
			b.Grant(f.subject, nil)
			return nil
		}, "TransactWriteItems", 3*one + entry, 0},
		{"create a grant under a login", func(b *sessiontest.Bench, f family) error {
			b.Grant(f.subject, func(n *session.NewGrant) { n.Login = f.desktop.ID })
			return nil
		}, "TransactWriteItems", 4*one + entry, 0},
		{"create a login", func(b *sessiontest.Bench, f family) error {
			_, _, err := b.CreateLogin(ctx, session.NewLogin{Subject: f.subject})
			return err
		}, "TransactWriteItems", 3*one + entry, 0},
		// The desktop, and three that were created above.
		{"end others", func(b *sessiontest.Bench, f family) error {
			g := b.Grant(f.subject, nil)
			b.Wire.Count(func() {})
			_, err := b.EndOthers(ctx, f.subject, g.ID, revoked)
			return err
		}, "Query TransactWriteItems", 4*one + entry, 1},
		// The one that was kept.
		{"end all", func(b *sessiontest.Bench, f family) error {
			_, err := b.EndAll(ctx, f.subject, revoked)
			return err
		}, "Query TransactWriteItems Query", 2*one + entry, 2},
	}
	b := sessiontest.New(t)
	f := newFamily(b)
	for _, tt := range tests {
		got := b.Wire.Count(func() {
			if err := tt.do(b, f); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		})
		if calls := strings.Join(got.Calls, " "); calls != tt.calls || got.Write != tt.write || got.Read != tt.read {
			t.Errorf("%s took %v, want %s (%v write units, %v read units)", tt.name, got, tt.calls, tt.write, tt.read)
		}
	}
}
