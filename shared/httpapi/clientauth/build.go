package clientauth

import (
	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/dynamo"
)

// New builds a Guard from the environment of its route.
func New(e *wire.Env, db *dynamo.DB) *Guard {
	now := e.Now
	return &Guard{
		Issuer:  e.Issuer,
		Replay:  dynamo.Replay(e, db),
		Clients: &client.Store{DB: db, Table: e.Name(contract.Registry), Now: now},
		Refusals: &audit.Refusals{
			DB: db, Sessions: e.Name(contract.Sessions),
			Trail: &audit.Trail{Table: e.Name(contract.Audit), Days: e.AuditDays, Now: now},
		},
	}
}
