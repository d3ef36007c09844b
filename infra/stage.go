package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/tipstaff/tipstaff/shared/contract"
)

// Stage is one deployment of everything. Staging and prod differ in these
// values and in nothing else: no construct asks for the name of its stage.
//
// A stage names no account and no region. It is deployed to wherever the
// credentials of `make deploy` point.
type Stage struct {
	// Stage is what the contract says of it: its name, and how long it keeps
	// its audit items.
	contract.Stage

	// LogRetention is how long CloudWatch keeps the logs.
	LogRetention awslogs.RetentionDays

	// PointInTimeRecovery lets a table be restored to any second of the
	// last 35 days. It costs 0.20 USD per GB and month.
	PointInTimeRecovery bool
	// DeletionProtection makes DynamoDB refuse to delete a table.
	DeletionProtection bool
	// MaxReads and MaxWrites are the fuse of each table and index, in
	// request units per second. DynamoDB throttles above it, so that a flood
	// has a price per hour that is known in advance.
	MaxReads, MaxWrites float64

	// Warm is how many instances of each function marked Warm are kept
	// running, day and night. Zero pays for none.
	Warm float64

	// RequestRate and RequestBurst are the throttle of the HTTP API, in
	// requests per second. They stand well above what the functions shed
	// themselves: an OAuth client that reads the gateway's own 429, which is
	// not OAuth JSON, may throw its tokens away.
	RequestRate, RequestBurst float64

	// ClientDocuments says whose metadata documents make a client: "off",
	// "any", or host names with commas between them. Each sign-in to a host
	// that is allowed may make us call it.
	ClientDocuments string
	// Registration says who may register a client: "off", "token" for who
	// shows an access token with the scope register, or "open" for everybody.
	Registration string

	// Mail is who sends the mail of the stage. Nil sends none: an operator hands
	// out the links of recoveries and invitations.
	Mail *Mail

	// Domain is the host name of the issuer. Nil leaves the API on the
	// address that API Gateway gives it.
	Domain *Domain
}

// Domain is a host name of one's own. Changing it changes the issuer, and
// with it the worth of every token issued before.
type Domain struct {
	// Name is the host name, such as "auth.example.com".
	Name string
	// CertificateARN is an ACM certificate for Name in the region of the
	// stage.
	CertificateARN string
}

// Mail is an identity of Amazon SES that may send from this account and region.
type Mail struct {
	// From is the address that mail comes from, such as "login@example.com".
	From string
	// Identity is the verified identity that it belongs to: the address itself
	// or its domain.
	Identity string
}

// policy is the value of contract.EnvMail.
func (m *Mail) policy() string {
	if m == nil {
		return contract.MailPolicy{}.String()
	}
	return contract.MailPolicy{From: m.From}.String()
}

// Staging is where a change proves itself. It keeps little and pays for
// nothing that idles.
var Staging = Stage{
	Stage:        contract.Staging,
	LogRetention: awslogs.RetentionDays_ONE_WEEK,
	MaxReads:     400, MaxWrites: 200,
	RequestRate: 100, RequestBurst: 200,
	ClientDocuments: "any", Registration: "token",
}

// Prod is what users depend on.
var Prod = Stage{
	Stage:               contract.Prod,
	LogRetention:        awslogs.RetentionDays_ONE_MONTH,
	PointInTimeRecovery: true,
	DeletionProtection:  true,
	MaxReads:            4000, MaxWrites: 2000,
	Warm:        1,
	RequestRate: 2000, RequestBurst: 4000,
	ClientDocuments: "off", Registration: "off",
}

// Stages are all stages, in the order in which they are synthesized.
var Stages = []Stage{Staging, Prod}
