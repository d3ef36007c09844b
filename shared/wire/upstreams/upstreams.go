// Package upstreams wires a function to our client secrets at upstreams.
package upstreams

import (
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/upstream/vault"
	"github.com/tipstaff/tipstaff/shared/wire"
	secrets "github.com/tipstaff/tipstaff/shared/wire/vault"
)

// Secrets returns the client secrets of the stage, which the first use reads.
func Secrets(e *wire.Env) *vault.Vault {
	return &vault.Vault{Client: secrets.Client(e), Name: e.Name(contract.Upstreams), Now: e.Clock.Now}
}
