package e2e_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/tipstaff/tipstaff/shared/e2e/fixture"
)

// root is the checkout, seen from this package.
const root = "../.."

// localServer describes the local stack.
func localServer(s *fixture.Stack) *server {
	return &server{
		url:      s.BaseURL(),
		clientID: fixture.Machine, clientSecret: s.Secrets[fixture.Machine],
		resource: fixture.Orders, scope: fixture.OrdersScope, algorithm: "ES256",
		otherResource: fixture.Billing, otherScope: fixture.BillingScope, otherAlgorithm: "RS256",
		serverID: fixture.OrdersServer, serverSecret: s.Secrets[fixture.OrdersServer],
		otherServerID: fixture.BillingServer, otherServerSecret: s.Secrets[fixture.BillingServer],
		visitorID: fixture.Visitor, visitorSecret: s.Secrets[fixture.Visitor],
		suspendedID: fixture.Suspended, suspendedSecret: s.Secrets[fixture.Suspended],
		operatorID: fixture.Operator, operatorSecret: s.Secrets[fixture.Operator],
	}
}

// traces searches what the suite left behind and returns a sentence for each
// thing that should not be there. Grants that nothing used count only when the
// whole suite ran. It closes the stack.
func traces(ctx context.Context, s *fixture.Stack, whole bool) []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }

	report := s.Report()
	for _, r := range report.Refused {
		say("the wall refused %s the call %s on %s %d times: %s", r.Function, r.Action, r.Resource, r.Times, r.Reason)
	}
	for _, g := range report.Unused {
		if whole {
			say("%s may %s on %s and never did: test what needs it, or take it out of the contract", g.Function, g.Action, g.Resource)
		}
	}

	places := map[string]string{}
	tables, err := s.Tables(ctx)
	if err != nil {
		say("%v", err)
	}
	for table, text := range tables {
		places["the table "+table] = text
	}
	s.Close() // after which no line is missing
	for function, text := range s.Logs.All() {
		places["the log of "+function] = text
	}
	secrets := target.secrets()
	for place, text := range places {
		for _, secret := range secrets {
			if strings.Contains(text, essence(secret)) {
				say("%s holds the issued secret or token %.12s…", place, secret)
			}
		}
	}
	return found
}

// essence is what makes a secret one: of a JWT the signature, of which no part
// of the text before it is secret.
func essence(secret string) string {
	return secret[strings.LastIndexByte(secret, '.')+1:]
}
