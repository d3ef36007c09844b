package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
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

// remember keeps the token that an answer issues, to be searched for later.
func (s *server) remember(body []byte) {
	var issued struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &issued); err != nil || issued.Token == "" {
		return // no answer of the token endpoint
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued = append(s.issued, issued.Token)
}

// secrets returns everything that was issued and must be found nowhere.
func (s *server) secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{s.clientSecret, s.serverSecret, s.otherServerSecret, s.operatorSecret, s.visitorSecret, s.suspendedSecret}, s.issued...)
}
