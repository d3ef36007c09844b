package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
)

// server is what the suite knows of the server under test.
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
	// A person, and clients that sign people in: a page at an origin, a
	// program on a device, a server with a secret.
	userName, password        string
	webID, webOrigin, phoneID string
	backendID, backendSecret  string

	mu     sync.Mutex
	issued []string
}

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
	}
}

// deployed describes a deployed stage by the environment.
func deployed(url string) (*server, error) {
	s := &server{}
	var missing []error
	for name, field := range s.env() {
		if *field = os.Getenv(name); *field == "" && name != "ISSUER" {
			missing = append(missing, fmt.Errorf("%s is not set", name))
		}
	}
	s.url = strings.TrimSuffix(url, "/")
	return s, errors.Join(missing...)
}

// environment is the server as variables for another program.
func (s *server) environment() []string {
	var all []string
	for name, field := range s.env() {
		all = append(all, name+"="+*field)
	}
	return all
}

// remember keeps what an answer issues, to be searched for later: tokens and
// cookies.
func (s *server) remember(header http.Header, body []byte) {
	var issued struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	_ = json.Unmarshal(body, &issued) // most answers issue nothing
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range []string{issued.Access, issued.Refresh} {
		if value != "" {
			s.issued = append(s.issued, value)
		}
	}
	for _, c := range (&http.Response{Header: header}).Cookies() {
		if c.Value != "" {
			s.issued = append(s.issued, c.Value)
		}
	}
}

// secrets returns everything that was issued and must be found nowhere.
func (s *server) secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{s.clientSecret, s.serverSecret, s.otherServerSecret, s.operatorSecret, s.visitorSecret, s.suspendedSecret, s.backendSecret, s.password}, s.issued...)
}
