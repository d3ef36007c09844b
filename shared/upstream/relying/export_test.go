package relying

import (
	"encoding/json"
	"time"

	"github.com/tipstaff/tipstaff/shared/upstream"
)

// ReadClaims is who the claims of an id token of some issuer are about.
func ReadClaims(data []byte) (*Identity, error) {
	var said claims
	if err := json.Unmarshal(data, &said); err != nil {
		return nil, err
	}
	return said.identity(&upstream.Upstream{Type: upstream.TypeOIDC, Issuer: "https://id.example.com"}, time.Now()), nil
}
