package histories_test

import (
	"github.com/tipstaff/tipstaff/shared/session"
)

var revoked = session.Cause{Why: session.Revoked, Actor: "app", RequestID: "r-end"}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}
