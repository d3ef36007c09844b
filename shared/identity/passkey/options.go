package passkey

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
)

// The options of the two ceremonies as JSON (WebAuthn §5.1.9, §5.1.10). The types of the
// library have many more fields and a second encoding, which every function with a
// sign-in would link.

// requestOptions is a PublicKeyCredentialRequestOptionsJSON.
type requestOptions struct {
	Challenge        base64url                            `json:"challenge"`
	RPID             string                               `json:"rpId"`
	UserVerification protocol.UserVerificationRequirement `json:"userVerification"`
	Timeout          int64                                `json:"timeout"` // milliseconds
}

// creationOptions is a PublicKeyCredentialCreationOptionsJSON.
type creationOptions struct {
	RP        party         `json:"rp"`
	User      userEntity    `json:"user"`
	Challenge base64url     `json:"challenge"`
	Params    []parameter   `json:"pubKeyCredParams"`
	Timeout   int64         `json:"timeout"` // milliseconds
	Exclude   []descriptor  `json:"excludeCredentials,omitempty"`
	Selection authenticator `json:"authenticatorSelection"`
	// Attestation is "none": the model of the authenticator is not needed.
	Attestation protocol.ConveyancePreference `json:"attestation"`
}

type party struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type userEntity struct {
	ID          base64url `json:"id"`
	Name        string    `json:"name"`
	DisplayName string    `json:"displayName"`
}

type parameter struct {
	Type      protocol.CredentialType              `json:"type"`
	Algorithm webauthncose.COSEAlgorithmIdentifier `json:"alg"`
}

type descriptor struct {
	Type       protocol.CredentialType `json:"type"`
	ID         base64url               `json:"id"`
	Transports []string                `json:"transports,omitempty"`
}

type authenticator struct {
	ResidentKey        protocol.ResidentKeyRequirement      `json:"residentKey"`
	RequireResidentKey bool                                 `json:"requireResidentKey"` // for browsers of WebAuthn Level 1
	UserVerification   protocol.UserVerificationRequirement `json:"userVerification"`
}

// base64url is bytes in JSON, without padding.
type base64url []byte

// MarshalText writes the bytes.
func (b base64url) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// patience is how long a browser waits for the user, in milliseconds.
const patience = int64(Life / time.Millisecond)

// displayName is the name of the relying party on devices that show it.
const displayName = "Tipstaff"

// describe returns the user entity of the options (WebAuthn §5.4.3).
func (w Person) describe() userEntity {
	return userEntity{ID: base64url(w.Subject), Name: w.UserName, DisplayName: cmp.Or(w.Name, w.UserName)}
}

// describe returns the credential descriptor of the options (WebAuthn §5.8.3).
func (p *Passkey) describe() descriptor {
	return descriptor{Type: protocol.PublicKeyCredentialType, ID: p.Credential, Transports: p.Transports}
}

func write(options any) (string, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return "", fmt.Errorf("write the options of a ceremony: %w", err)
	}
	return string(text), nil
}
