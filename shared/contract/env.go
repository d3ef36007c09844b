package contract

import (
	"slices"
	"strings"
)

// The environment of a function. Infra sets exactly the names that [Function.Env]
// lists, package wire reads them, and no other code reads the environment.
const (
	// EnvStage is the name of the stage, see Stages.
	EnvStage = "TIPSTAFF_STAGE"
	// EnvIssuer is the issuer: an origin without path and trailing slash.
	EnvIssuer = "TIPSTAFF_ISSUER"
	// EnvCommit is the deployed commit, "unknown" when it was not given.
	EnvCommit = "TIPSTAFF_COMMIT"
	// EnvAuditDays is how many days an audit item is kept.
	EnvAuditDays = "TIPSTAFF_AUDIT_DAYS"
	// EnvClientDocuments lists the hosts from which the stage accepts metadata
	// documents: "off", "any", or hosts separated by commas.
	EnvClientDocuments = "TIPSTAFF_CLIENT_DOCUMENTS"
	// EnvRegistration is the registration policy: "off", "token" for requests
	// with an access token of ScopeRegister, or "open".
	EnvRegistration = "TIPSTAFF_REGISTRATION"
	// EnvMail is how the stage sends mail, see [ParseMail].
	EnvMail = "TIPSTAFF_MAIL"
)

// Env is the name of the variable that holds the physical name of a resource,
// such as "TIPSTAFF_REGISTRY".
func (r Resource) Env() string { return "TIPSTAFF_" + strings.ToUpper(string(r)) }

// Env lists the variables that f needs, in a fixed order.
func (f Function) Env() []string {
	names := []string{EnvStage}
	if !f.IsTask() || f.Every > 0 {
		names = append(names, EnvIssuer)
	}
	if f.Clients {
		names = append(names, EnvClientDocuments, EnvRegistration)
	}
	if f.Mails {
		names = append(names, EnvMail)
	}
	if f.Name == Health.Name {
		names = append(names, EnvCommit)
	}
	if slices.ContainsFunc(f.Needs, func(n Need) bool { return n.Resource == Audit && slices.Contains(n.Actions, PutItem) }) {
		names = append(names, EnvAuditDays)
	}
	for _, n := range f.Needs {
		if name := n.Resource.Env(); n.Resource != Mail && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
