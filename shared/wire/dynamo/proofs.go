package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/replay"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// Proofs returns the verifier of e, which asks for no nonces: a route that
// does sets Nonces.
func Proofs(e *wire.Env, db *dynamodb.Client) *dpop.Verifier {
	return &dpop.Verifier{Issuer: e.Issuer, Replay: Replay(e, db), Now: e.Now}
}

// Replay returns the store of what may be used once.
func Replay(e *wire.Env, db *dynamodb.Client) *replay.Store {
	return &replay.Store{DB: db, Sessions: e.Name(contract.Sessions), Now: e.Now}
}
