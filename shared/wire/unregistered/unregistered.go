// Package unregistered makes the clients known to a function that nobody
// registered: those that registered themselves, and those that describe
// themselves by a document. Each route that knows clients says so in one line,
// and the stage decides which of them there are.
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

// Admit makes clients know them. macs is the MACKey of the function's vault,
// with which an id is verified.
func Admit(e *wire.Env, db *dynamodb.Client, clients *client.Store, macs func(ctx context.Context, id string) (*keys.MACKey, error)) {
	ids := &registration.IDs{Keys: macs, Now: e.Now}
	admit(e, db, clients, ids.Client)
}

// Recognize is Admit for a function that has no keys, and meets an id only in
// tokens that we signed: that the client had that id was verified then. Such a
// function must not take the word of a request for it.
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
