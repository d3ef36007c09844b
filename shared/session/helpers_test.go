package session_test

import (
	"context"
	"encoding/base64"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/session/sessiontest"
)

var revoked = session.Cause{Why: session.Revoked, Actor: "app", RequestID: "r-end"}

// expect fails unless the grant is live, or not.
func expect(t *testing.T, b *sessiontest.Bench, g *session.Grant, live bool) {
	t.Helper()
	_, err := b.Store.Grant(context.Background(), g.Subject, g.ID)
	if live && err != nil || !live && !errors.Is(err, session.ErrEnded) {
		t.Errorf("Grant(%s) = %v, want live %v", g.ID, err, live)
	}
}

// refreshed refreshes a grant with that generation.
func refreshed(generation uint32) func(*sessiontest.Bench, *session.Grant) {
	return func(b *sessiontest.Bench, g *session.Grant) {
		if _, outcome, err := b.Refresh(g, generation, proved); outcome != session.Rotated {
			panic(err)
		}
	}
}

func end(b *sessiontest.Bench, g *session.Grant) {
	if err := b.End(context.Background(), g.Subject, g.ID, revoked); err != nil {
		panic(err)
	}
}

func bound(n *session.NewGrant) { n.Bound = true }

func proved(r *session.RefreshRequest) { r.Bound, r.JKT = true, thumb }

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

// plain writes an attribute so that a secret in it could be found: bytes in
// base64url, as handles have them.
func plain(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	case *types.AttributeValueMemberB:
		return string(v.Value) + " " + base64.RawURLEncoding.EncodeToString(v.Value)
	case *types.AttributeValueMemberL:
		text := ""
		for _, one := range v.Value {
			text += plain(one) + " "
		}
		return text
	case *types.AttributeValueMemberM:
		text := ""
		for name, one := range v.Value {
			text += name + "=" + plain(one) + " "
		}
		return text
	}
	return ""
}
