package relying

import (
	"encoding/json"
	"time"

	"github.com/tipstaff/tipstaff/shared/upstream"
)

// ReadClaims returns the identity in the claims of an id token.
func ReadClaims(data []byte) (*Identity, error) {
	var said claims
	if err := json.Unmarshal(data, &said); err != nil {
		return nil, err
	}
	return said.identity(&upstream.Upstream{Type: upstream.TypeOIDC, Issuer: "https://id.example.com"}, time.Now()), nil
}
