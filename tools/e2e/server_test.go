package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// server describes the server under test.
type server struct {
	url string

	// A machine, with a resource that is an origin and a scope there, and a
	// resource that signs with the other algorithm.
	clientID, clientSecret                    string
	resource, scope, algorithm                string
	otherResource, otherScope, otherAlgorithm string
	serverID, serverSecret                    string
	otherServerID, otherServerSecret          string
	visitorID, visitorSecret                  string
	suspendedID, suspendedSecret              string
	operatorID, operatorSecret                string
	// A user, and clients that ask for the password: a page at an origin, a program
	// on a device, a server with a secret.
	userName, password        string
	webID, webOrigin, phoneID string
	backendID, backendSecret  string
	// Clients with the authorization code flow, as in fixture/registry.yaml, and the
	// private key of the one with private_key_jwt.
	notes, portal, bank, vault, safe signer
	desktopID, televisionID          string
	bankKey                          string
	// The post-logout redirect URIs of notes and portal.
	notesBye, portalBye string
	// An API that exchanges tokens of resource for tokens of the stock, with the same
	// scope, and a client that may register clients.
	stock                        string
	gatewayID, gatewaySecret     string
	registrarID, registrarSecret string
	// A resource that is open to clients that register themselves, with a
	// scope; and a client by its metadata document, empty where there is none.
	toolsResource, toolsScope, documentID string
	// stack is the local stack, nil when the server is a deployed stage.
	stack *fixture.Stack
	// people is the URL at which programs in other languages request visits.
	people string

	mu     sync.Mutex
	issued []string
}

// signer is a client with the authorization code flow, and its redirect URI. One
// without a secret authenticates in another way or is public.
type signer struct{ id, secret, redirect string }

// env lists the variables that describe the server, as .local/demo.env names
// them, and where each goes.
func (s *server) env() map[string]*string {
	return map[string]*string{
		"ISSUER":    &s.url,
		"CLIENT_ID": &s.clientID, "CLIENT_SECRET": &s.clientSecret,
		"RESOURCE": &s.resource, "SCOPE": &s.scope, "ALG": &s.algorithm,
		"OTHER_RESOURCE": &s.otherResource, "OTHER_SCOPE": &s.otherScope, "OTHER_ALG": &s.otherAlgorithm,
		"RS_CLIENT_ID": &s.serverID, "RS_CLIENT_SECRET": &s.serverSecret,
		"OTHER_RS_CLIENT_ID": &s.otherServerID, "OTHER_RS_CLIENT_SECRET": &s.otherServerSecret,
		"VISITOR_CLIENT_ID": &s.visitorID, "VISITOR_CLIENT_SECRET": &s.visitorSecret,
		"SUSPENDED_CLIENT_ID": &s.suspendedID, "SUSPENDED_CLIENT_SECRET": &s.suspendedSecret,
		"OPERATOR_CLIENT_ID": &s.operatorID, "OPERATOR_CLIENT_SECRET": &s.operatorSecret,
		"USER_NAME": &s.userName, "USER_PASSWORD": &s.password,
		"WEB_CLIENT_ID": &s.webID, "WEB_ORIGIN": &s.webOrigin, "PHONE_CLIENT_ID": &s.phoneID,
		"BACKEND_CLIENT_ID": &s.backendID, "BACKEND_CLIENT_SECRET": &s.backendSecret,
		"NOTES_CLIENT_ID": &s.notes.id, "NOTES_CLIENT_SECRET": &s.notes.secret, "NOTES_REDIRECT_URI": &s.notes.redirect, "NOTES_BYE_URI": &s.notesBye,
		"PORTAL_CLIENT_ID": &s.portal.id, "PORTAL_CLIENT_SECRET": &s.portal.secret, "PORTAL_REDIRECT_URI": &s.portal.redirect, "PORTAL_BYE_URI": &s.portalBye,
		"BANK_CLIENT_ID": &s.bank.id, "BANK_REDIRECT_URI": &s.bank.redirect, "BANK_KEY": &s.bankKey,
		"VAULT_CLIENT_ID": &s.vault.id, "VAULT_REDIRECT_URI": &s.vault.redirect,
		"SAFE_CLIENT_ID": &s.safe.id, "SAFE_CLIENT_SECRET": &s.safe.secret, "SAFE_REDIRECT_URI": &s.safe.redirect,
		"DESKTOP_CLIENT_ID": &s.desktopID, "TELEVISION_CLIENT_ID": &s.televisionID,
		"GATEWAY_CLIENT_ID": &s.gatewayID, "GATEWAY_CLIENT_SECRET": &s.gatewaySecret,
		"REGISTRAR_CLIENT_ID": &s.registrarID, "REGISTRAR_CLIENT_SECRET": &s.registrarSecret,
		"STOCK_RESOURCE": &s.stock, "TOOLS_RESOURCE": &s.toolsResource, "TOOLS_SCOPE": &s.toolsScope,
	}
}

// deployed describes a deployed stage by the environment.
func deployed(base string) (*server, error) {
	s := &server{}
	var missing []error
	for name, field := range s.env() {
		if *field = os.Getenv(name); *field == "" && name != "ISSUER" {
			missing = append(missing, fmt.Errorf("%s is not set", name))
		}
	}
	s.url = strings.TrimSuffix(base, "/")
	return s, errors.Join(missing...)
}

// environment returns the server as variables for another program.
func (s *server) environment() []string {
	var all []string
	for name, field := range s.env() {
		all = append(all, name+"="+*field)
	}
	return append(all, "DOCUMENT_CLIENT_ID="+s.documentID, "PERSON="+s.people, "REGISTRATION_TOKEN="+s.registrationToken())
}

// registrationToken returns an initial access token for registration, empty when the
// stage has no client that may register clients.
func (s *server) registrationToken() string {
	config := clientcredentials.Config{
		ClientID: s.registrarID, ClientSecret: s.registrarSecret, TokenURL: s.url + "/token", Scopes: []string{"register"},
		EndpointParams: url.Values{"resource": {s.url + "/api"}},
	}
	issued, err := config.Token(context.Background())
	if err != nil {
		return ""
	}
	return issued.AccessToken
}

// remember keeps the tokens, codes and cookies of an answer for the search at the
// end.
func (s *server) remember(header http.Header, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued = append(s.issued, issued.FindAllString(header.Get("Location"), -1)...)
	for _, value := range issued.FindAll(body, -1) {
		s.issued = append(s.issued, string(value))
	}
	for _, c := range (&http.Response{Header: header}).Cookies() {
		if c.Value != "" {
			s.issued = append(s.issued, c.Value)
		}
	}
}

// issued matches bearer values: an opaque handle other than the id of a client, and a
// JWT with a signature.
var issued = regexp.MustCompile(`\bts[abce-z]_[A-Za-z0-9_-]{40,}|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{40,}`)

// secrets returns every issued value that the search must not find.
func (s *server) secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{s.clientSecret, s.serverSecret, s.otherServerSecret, s.operatorSecret, s.visitorSecret, s.suspendedSecret, s.backendSecret, s.password}, s.issued...)
}
