package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/tipstaff/tipstaff/shared/contract"
)

// Stage is one deployment of everything. Staging and prod differ only in these values:
// no construct reads the name of its stage to decide.
//
// A stage names no account and no region. The credentials of `make deploy` select them.
type Stage struct {
	// Stage is what the contract says of it: its name, and how long it keeps
	// its audit items.
	contract.Stage

	// LogRetention is how long CloudWatch keeps the logs.
	LogRetention awslogs.RetentionDays

	// PointInTimeRecovery allows restoring a table to any second of the last 35 days. It costs
	// 0.20 USD per GB and month.
	PointInTimeRecovery bool
	// DeletionProtection makes DynamoDB refuse to delete a table.
	DeletionProtection bool
	// MaxReads and MaxWrites are the limits of each table and index, in request units
	// per second. DynamoDB throttles above them, so that a flood has a known maximum
	// cost per hour.
	MaxReads, MaxWrites float64

	// Warm is how many instances of each function marked Warm run permanently. Zero
	// means none, at no cost.
	Warm float64

	// RequestRate and RequestBurst are the throttle of the HTTP API, in requests per
	// second. They are well above the limits in the functions. The 429 of the gateway
	// is not OAuth JSON, and an OAuth client that receives it may throw its tokens
	// away.
	RequestRate, RequestBurst float64

	// ClientDocuments lists the hosts from which metadata documents are accepted:
	// "off", "any", or host names separated by commas. A sign-in with a client at an
	// allowed host may make us call that host.
	ClientDocuments string
	// Registration is the registration policy: "off", "token" for requests with an
	// access token of scope register, or "open" for all.
	Registration string

	// Mail is the sender of the stage's mail. Nil means that no mail is sent: an
	// operator delivers the links of recoveries and invitations.
	Mail *Mail

	// Domain is the host name of the issuer. Nil means the default address of API Gateway.
	Domain *Domain
}

// Domain is a custom host name. Changing it changes the issuer, and invalidates every
// token that was issued before.
type Domain struct {
	// Name is the host name, such as "auth.example.com".
	Name string
	// CertificateARN is an ACM certificate for Name in the region of the
	// stage.
	CertificateARN string
}

// Mail is an identity of Amazon SES that may send from this account and region.
type Mail struct {
	// From is the sender's address, such as "login@example.com".
	From string
	// Identity is the verified identity of From: the address itself or its domain.
	Identity string
}

// policy returns the value of contract.EnvMail.
func (m *Mail) policy() string {
	if m == nil {
		return contract.MailPolicy{}.String()
	}
	return contract.MailPolicy{From: m.From}.String()
}

// Staging is for testing a change. It retains little and pays for no idle capacity.
var Staging = Stage{
	Stage:        contract.Staging,
	LogRetention: awslogs.RetentionDays_ONE_WEEK,
	MaxReads:     400, MaxWrites: 200,
	RequestRate: 100, RequestBurst: 200,
	ClientDocuments: "any", Registration: "token",
}

// Prod is the stage for users.
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
