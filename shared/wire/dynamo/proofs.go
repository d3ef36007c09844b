package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/replay"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// Proofs returns the DPoP verifier of e, which requires no nonces. A route that requires
// them sets Nonces.
func Proofs(e *wire.Env, db *dynamodb.Client) *dpop.Verifier {
	return &dpop.Verifier{Issuer: e.Issuer, Replay: Replay(e, db), Now: e.Now}
}

// Replay returns the store of values that may be used once.
func Replay(e *wire.Env, db *dynamodb.Client) *replay.Store {
	return &replay.Store{DB: db, Sessions: e.Name(contract.Sessions), Now: e.Now}
}
