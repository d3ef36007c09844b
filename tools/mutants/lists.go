package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// list is one or several lists that say the same thing, and the tests that hold them
// together.
type list struct {
	name string
	// of are declarations, see tree.find. Each statement, element, constant and
	// field of them is left out.
	of []string
	// named are declarations of which each name is spelled in another way, too, and
	// renamed those of which nothing is left out.
	named, renamed []string
	// tables are documents and headings in them, "docs/registry.md ## Clients", "docs/registry.md ### Grants", of
	// which each row is left out. A heading of marks alone, "docs/errors.md ##",
	// leaves out each heading of that level.
	tables []string
	// tests are the packages whose tests are to notice, each perhaps with a
	// pattern: "client TestEvery".
	tests []string
	// equivalent are the mutants that change nothing, with the reason.
	equivalent map[string]string
}

// batches returns the mutants of a list.
func (l list) batches(t *tree) ([]batch, error) {
	var suites []suite
	for _, test := range l.tests {
		name, pattern, _ := strings.Cut(test, " ")
		dir, err := t.folder(name)
		if err != nil {
			return nil, err
		}
		module, err := t.module(dir)
		if err != nil {
			return nil, err
		}
		suites = append(suites, suite{module, dir, pattern})
	}
	var all []batch
	excused := map[string]bool{}
	add := func(decl *source, mutants []*mutant) {
		b := batch{decl: decl}
		for _, m := range mutants {
			j := &job{mutant: m, list: l.name, tests: suites}
			if reason, ok := l.equivalent[m.what]; ok {
				j.outcome, j.reason, excused[m.what] = equivalent, reason, true
			}
			b.jobs = append(b.jobs, j)
		}
		if len(b.jobs) > 0 {
			all = append(all, b)
		}
	}
	if err := l.mutants(t, add); err != nil {
		return nil, err
	}
	for what := range l.equivalent {
		if !excused[what] {
			return nil, fmt.Errorf("no mutant is %q any more", what)
		}
	}
	return all, nil
}

// mutants calls add with the mutants of each declaration and each document.
func (l list) mutants(t *tree, add func(*source, []*mutant)) error {
	for _, name := range slices.Concat(l.of, l.named, l.renamed) {
		s, _, err := t.find(name)
		if err != nil {
			return err
		}
		var of []*mutant
		if !slices.Contains(l.renamed, name) {
			of = append(of, s.drops()...)
		}
		if !slices.Contains(l.of, name) {
			of = append(of, s.renames()...)
		}
		add(s, of)
	}
	for _, table := range l.tables {
		file, heading, _ := strings.Cut(table, " ")
		text, err := os.ReadFile(filepath.Join(t.root, file))
		if err != nil {
			return err
		}
		of := rows(file, text, heading)
		if strings.Trim(heading, "#") == "" {
			of = headings(file, text, heading)
		}
		if len(of) == 0 {
			return fmt.Errorf("%s has no row below %q", file, heading)
		}
		add(nil, of)
	}
	return nil
}

// stored are the lists of a type that is kept in a table: what writes an item, what
// reads it, and the names of its attributes.
func stored(pkg string, attributes string, of ...string) list {
	l := list{name: pkg + ": storage", tests: []string{"shared/" + pkg + " TestEvery", "shared/" + pkg}}
	for _, name := range of {
		l.of = append(l.of, "shared/"+pkg+"."+name)
	}
	if attributes != "" {
		l.renamed = append(l.renamed, "shared/"+pkg+"."+attributes)
	}
	return l
}

var lists = []list{
	stored("client", "SKClient", "EncodeClient", "DecodeClient", "EncodeResource", "DecodeResource"),
	stored("identity", "skName", "Encode", "EncodeName", "Decode"),
	stored("upstream", "SKPrefix", "Encode", "Decode"),
	{
		name: "session: storage",
		of: []string{
			"session.encodeGrant", "session.decodeGrant", "session.encodeLogin", "session.decodeLogin", "session.putLife",
			"session.Store.renewing", "session.encodeCode", "session.decodeCode",
		},
		renamed: []string{"session.attrState", "session.stateActive", "session.KindGrant"},
		tests:   []string{"shared/session TestEvery|TestARenewal", "shared/session Create|Redeem|Renew|Notice|Key|List|Code|Handle|Login|Refresh"},
	},
	stored("device", "skDevice", "encode", "decode", "Store.deciding", "Store.reserving"),
	stored("identity/external", "SK", "Link.encode", "decode"),
	stored("identity/onetime", "sk", "encode", "decode"),
	stored("identity/passkey", "attrCredential", "Encode", "Decode"),
	stored("identity/otp", "sk", "enrolled.encode", "decode"),
	stored("keys/published", "attrAlgorithm", "Put", "decode"),
	stored("client/document", "skEntry", "attributes", "encode", "decode"),
	stored("audit", "attrTime", "Trail.item", "decode"),
	stored("par", "sortKey", "Store.Push"),
	stored("session/backchannel", "attrClient", "Notices"),
	stored("queue", "attrDue", "Kind.item", "Kind.decode"),
	stored("identity/recovery", "attrSubject", "Requests"),
	{
		name: "registry: parser",
		of: []string{
			"registry.parsing.document", "registry.parsing.resource", "registry.parsing.client", "registry.parsing.upstream", "registry.parsing.user",
			"registry.grants", "registry.authMethods", "registry.reserved", "registry.assertionAlgorithms", "registry.upstreamNames",
		},
		tests: []string{"tools/registry TestEveryField", "tools/registry"},
	},
	{
		name:  "registry: plan",
		of:    []string{"registry.decode", "registry.actions", "registry.keyTraits"},
		named: []string{"registry.resourceEntry", "registry.clientEntry", "registry.upstreamEntry", "registry.userEntry"},
		tests: []string{"tools/registry TestEveryField", "tools/registry"},
	},
	{
		name:   "registry: document",
		tables: []string{"docs/registry.md ## Resources", "docs/registry.md ## Clients", "docs/registry.md ### Grants", "docs/registry.md ## Upstreams", "docs/registry.md ## Users"},
		tests:  []string{"tools/registry TestEveryField"},
	},
	{
		name: "handles, grants and scopes",
		of:   []string{"oauth.IdentityScopes"}, named: []string{"contract.APIScopes", "contract.ScopeReady", "opaque.ClientSecret", "oauth.GrantClientCredentials"},
		tests: []string{"tools/registry TestEveryField"},
	},
	{
		name:    "metrics and log",
		of:      []string{"contract.Metrics", "httpapi.always", "httpapi.LogEntry.directives"},
		named:   []string{"contract.MetricNamespace", "contract.DimensionStage", "contract.MetricRequests", "contract.UnitCount"},
		renamed: []string{"httpapi.LogEntry", "httpapi.line"},
		tables:  []string{"docs/records.md ## The log", "docs/records.md ## The metrics"},
		tests:   []string{"shared/httpapi Metric|Log", "functions TestEveryFieldOfTheLog"},
	},
	{
		name:   "environment",
		of:     []string{"contract.Tables", "contract.Secrets", "contract.Function.Env", "wire.From", "wire.Env.readClients"},
		named:  []string{"contract.EnvStage"},
		tables: []string{"docs/deploy.md ## What a stage is made of"},
		tests:  []string{"shared/wire", "functions TestEveryVariable", "infra TestEveryStageValue"},
	},
	{
		name:  "stages",
		of:    []string{"contract.Staging", "contract.Prod", "contract.Stages", "infra.Staging", "infra.Prod", "infra.Stages"},
		tests: []string{"infra TestStages|TestEveryStageValue|TestSnapshots"},
	},
	{
		name: "actions of the trail",
		of:   []string{"account.plain", "account.spoken", "account.aside"},
		named: []string{
			"audit.ClientCreate", "session.ActionGrant", "device.ActionApprove", "consent.ActionGive", "backchannel.ActionUndelivered",
			"recovery.ActionUndelivered", "clientauth.ActionRefuse",
		},
		tables: []string{"docs/records.md ## The trail"},
		tests:  []string{"functions TestEveryAction", "route/account TestEveryActionOfTheTrail"},
	},
	{
		name:   "errors",
		named:  []string{"oauth.InvalidRequest"},
		tables: []string{"docs/errors.md ##"},
		tests:  []string{"functions TestEveryError"},
	},
	{
		name: "routes",
		of:   []string{"contract.Routes", "contract.Tasks"},
		renamed: []string{
			"contract.Health", "contract.Ready", "contract.Discovery", "contract.JWKS", "contract.Authorize", "contract.PAR", "contract.Token",
			"contract.Refresh", "contract.UserInfo", "contract.Introspect", "contract.Revoke", "contract.DeviceAuthorization", "contract.Device",
			"contract.ClientDocument", "contract.Register", "contract.Login", "contract.Upstream", "contract.Enroll", "contract.Logout",
			"contract.MySessions", "contract.Account", "contract.Home",
		},
		tables: []string{"docs/api.md # The HTTP API"},
		tests:  []string{"functions TestEveryRoute|TestEveryEdit|TestEveryMember"},
	},
	{
		name:    "metadata",
		of:      []string{"discovery.Metadata", "discovery.ResourceMetadata", "discovery.claims", "discovery.proofAlgorithms"},
		renamed: []string{"oauth.Metadata", "oauth.ResourceMetadata"},
		tables:  []string{"docs/api.md ## The metadata"},
		tests:   []string{"functions TestEveryMember", "route/discovery"},
	},
	{
		name:  "account page",
		of:    []string{"account.actions", "account.places", "account.notices", "account.visit.open"},
		named: []string{"web.ActionEnd", "web.OpenPasskey", "web.DoneLinked", "account.doneEnd"},
		tests: []string{"route/account TestEveryActionOfAForm|TestEverythingDone", "route/account Fresh|Passkey|Password|OTP|App"},
	},
}
