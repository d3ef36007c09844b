// Package metadata parses the metadata of clients that register themselves (RFC
// 7591 §2), and decides what they may do.
//
// # Trust
//
// No operator vouches for such a client. It may sign users in, after each of them
// has consented, and nothing else. It has no secret and no access of its own, and
// its name is only its own claim. A user can trust only the place to which the
// client redirects them, so redirect URIs get the strictest checks.
//
// # Requests and grants
//
// Most members of the metadata are requests that a server may grant or not. What
// we do not grant is left out, and the answer lists what is registered. An error is
// returned for metadata that is malformed or forbidden.
package metadata

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	strictjson "github.com/go-jose/go-jose/v4/json"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

const (
	// MaxRedirects is how many redirect URIs a client may have.
	MaxRedirects = 20
	// MaxName is the length of the longest name, in characters.
	MaxName = 100
)

// Metadata is the accepted part of a client's metadata.
type Metadata struct {
	// Name is the client's own name for itself, possibly empty.
	Name         string
	RedirectURIs []string
	// Grants are the requested grant types that are granted.
	Grants []string
	// KeySet and Algorithm are set for a client that signs assertions (see
	// client.Client), and empty for a public one.
	KeySet    json.RawMessage
	Algorithm string
}

// wire holds the members that we read. The strict parser compares names by exact
// case and refuses duplicates.
type wire struct {
	ClientID         *string         `json:"client_id"`
	Name             *string         `json:"client_name"`
	RedirectURIs     []string        `json:"redirect_uris"`
	Grants           *[]string       `json:"grant_types"`
	Responses        *[]string       `json:"response_types"`
	Method           *string         `json:"token_endpoint_auth_method"`
	SigningAlgorithm *string         `json:"token_endpoint_auth_signing_alg"`
	KeySet           json.RawMessage `json:"jwks"`
	KeySetURI        any             `json:"jwks_uri"`
	Secret           any             `json:"client_secret"`
	SecretExpires    any             `json:"client_secret_expires_at"`
}

// ParseRegistration reads a registration request. The result is a public client,
// whatever authentication method it asks for. The error is an *oauth.Error with a
// code of RFC 7591 §3.2.2.
func ParseRegistration(body []byte) (*Metadata, error) {
	w, err := parse(body)
	if err != nil {
		return nil, err
	}
	return w.judge()
}

func parse(body []byte) (*wire, error) {
	var w *wire
	if !utf8.Valid(body) {
		return nil, invalid("the metadata is not UTF-8")
	}
	if err := strictjson.Unmarshal(body, &w); err != nil || w == nil {
		return nil, &oauth.Error{
			Code: oauth.InvalidClientMetadata, Err: err,
			Detail: "the metadata is not a JSON object with members of the right types, each of them once",
		}
	}
	return w, nil
}

// judge applies the rules that hold for every client.
func (w *wire) judge() (*Metadata, error) {
	m := &Metadata{RedirectURIs: w.RedirectURIs}
	if w.Name != nil {
		m.Name = *w.Name
	}
	if err := checkName(m.Name); err != nil {
		return nil, err
	}
	if err := m.grants(w); err != nil {
		return nil, err
	}
	return m, m.checkRedirects()
}

// checkName accepts a name that a page can show: no line ends, no invisible
// characters, and nothing that changes the direction of the text after it.
func checkName(name string) error {
	if utf8.RuneCountInString(name) > MaxName {
		return invalid(fmt.Sprintf("client_name is longer than %d characters", MaxName))
	}
	if name != strings.TrimSpace(name) || strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return invalid("client_name has a character that is not shown, or a space at an end")
	}
	return nil
}

// codeResponse is the only supported response type.
const codeResponse = "code"

// grants grants the requested grant types that a client for users needs. A client
// that requests none means the authorization code (RFC 7591 §2).
func (m *Metadata) grants(w *wire) error {
	wishes := []string{oauth.GrantAuthorizationCode}
	if w.Grants != nil {
		wishes = *w.Grants
	}
	for _, grant := range []string{oauth.GrantAuthorizationCode, oauth.GrantDeviceCode} {
		if slices.Contains(wishes, grant) {
			m.Grants = append(m.Grants, grant)
		}
	}
	if len(m.Grants) == 0 {
		return invalid("grant_types has neither " + oauth.GrantAuthorizationCode + " nor " + oauth.GrantDeviceCode)
	}
	m.Grants = append(m.Grants, oauth.GrantRefreshToken)
	if m.code() && w.Responses != nil && !slices.Contains(*w.Responses, codeResponse) {
		return invalid("response_types lacks " + codeResponse + ", which goes with " + oauth.GrantAuthorizationCode)
	}
	return nil
}

func (m *Metadata) code() bool { return slices.Contains(m.Grants, oauth.GrantAuthorizationCode) }

func (m *Metadata) checkRedirects() error {
	switch n := len(m.RedirectURIs); {
	case n == 0 && m.code():
		return redirect("redirect_uris is missing")
	case n > MaxRedirects:
		return redirect(fmt.Sprintf("redirect_uris has more than %d entries", MaxRedirects))
	}
	for i, uri := range m.RedirectURIs {
		if err := client.CheckRedirect(uri); err != nil {
			return redirect(fmt.Sprintf("redirect_uris[%d]: %v", i, err))
		}
		if slices.Contains(m.RedirectURIs[:i], uri) {
			return redirect(fmt.Sprintf("redirect_uris[%d] stands there twice", i))
		}
	}
	return nil
}

func invalid(why string) error  { return oauth.Refuse(oauth.InvalidClientMetadata, why) }
func redirect(why string) error { return oauth.Refuse(oauth.InvalidRedirectURI, why) }

// method returns the client authentication method.
func (m *Metadata) method() string {
	if len(m.KeySet) > 0 {
		return oauth.PrivateKeyJWT
	}
	return oauth.AuthNone
}

// Client returns the client with this metadata and the given id.
func (m *Metadata) Client(id string) *client.Client {
	return &client.Client{
		ID: id, Name: m.Name, RedirectURIs: m.RedirectURIs, Grants: m.Grants,
		AuthMethods: []string{m.method()}, KeySet: m.KeySet, AssertionAlgorithm: m.Algorithm,
		Identity: oauth.IdentityScopes, SelfRegistered: true,
		Idle: client.DefaultIdle, Absolute: client.DefaultAbsolute, Grace: client.DefaultGrace,
	}
}

// Answer is the metadata as the client receives it (RFC 7591 §3.2.1): all that is
// registered, whether it was requested or not.
type Answer struct {
	ClientID      string   `json:"client_id"`
	IssuedAt      int64    `json:"client_id_issued_at,omitempty"`
	Name          string   `json:"client_name,omitempty"`
	RedirectURIs  []string `json:"redirect_uris"`
	Grants        []string `json:"grant_types"`
	ResponseTypes []string `json:"response_types"`
	Method        string   `json:"token_endpoint_auth_method"`
	Algorithm     string   `json:"token_endpoint_auth_signing_alg,omitempty"`
}

// Answer returns the answer to the client with that id.
func (m *Metadata) Answer(id string) Answer {
	a := Answer{
		ClientID: id, Name: m.Name, RedirectURIs: m.RedirectURIs, Grants: m.Grants,
		ResponseTypes: []string{}, Method: m.method(), Algorithm: m.Algorithm,
	}
	if a.RedirectURIs == nil {
		a.RedirectURIs = []string{}
	}
	if m.code() {
		a.ResponseTypes = []string{codeResponse}
	}
	return a
}
