package vault

import (
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/upstream/secrets"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// UpstreamSecrets returns the client secrets of the stage. The first use reads them.
func UpstreamSecrets(e *wire.Env) *secrets.Vault {
	return &secrets.Vault{Client: Client(e), Name: e.Name(contract.Upstreams), Now: e.Now}
}
