package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// Sessions returns the store of sessions of e, which writes the trail of e.
func Sessions(e *wire.Env, db *dynamodb.Client) *session.Store {
	now := e.Now
	return &session.Store{
		DB: db, Sessions: e.Name(contract.Sessions), Registry: e.Name(contract.Registry),
		Trail: &audit.Trail{Table: e.Name(contract.Audit), Days: e.AuditDays, Now: now}, Now: now,
	}
}
