// Package unregistered connects a client store to the clients that no operator
// registered: those that registered themselves, and those with a metadata document. Each
// route that accepts clients calls it once. The policy of the stage decides which of them
// are accepted.
package unregistered

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/document"
	"github.com/tipstaff/tipstaff/shared/client/registration"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// Admit makes clients accept them. The argument macs is the MACKey method of the
// function's vault, which verifies the ids.
func Admit(e *wire.Env, db *dynamodb.Client, clients *client.Store, macs func(ctx context.Context, id string) (*keys.MACKey, error)) {
	ids := &registration.IDs{Keys: macs, Now: e.Now}
	admit(e, db, clients, ids.Client)
}

// Recognize is [Admit] for a function without keys. Such a function reads client ids only
// from tokens that we signed, and the id was verified before the token was issued. It must
// not use a client id from a request.
func Recognize(e *wire.Env, db *dynamodb.Client, clients *client.Store) {
	admit(e, db, clients, func(ctx context.Context, id string) (*client.Client, error) {
		return registration.Unverified(id, e.Now(ctx))
	})
}

func admit(e *wire.Env, db *dynamodb.Client, clients *client.Store, registered func(context.Context, string) (*client.Client, error)) {
	if e.Registration != contract.RegistrationOff {
		clients.Registered = registered
	}
	if !e.ClientDocuments.Off() {
		documents := &document.Reader{
			Store:   &document.Store{DB: db, Table: e.Name(contract.Documents), Now: e.Now},
			Allowed: e.ClientDocuments, Issuer: e.Issuer,
		}
		clients.Documents = documents.Client
	}
}
