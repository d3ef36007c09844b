package routetest

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audience"
	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dpop"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/httpapi/bearer"
	"github.com/tipstaff/tipstaff/shared/httpapi/clientauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/issue"
	"github.com/tipstaff/tipstaff/shared/httpapi/userauth"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/replay"
	"github.com/tipstaff/tipstaff/shared/session"
)

// Password is the password of every user.
const Password = "an old owl in the attic" //nolint:gosec // G101: of people who exist in tests only

// AddUser stores a user with Password and returns the subject.
func (s *Stage) AddUser(userName string) string {
	s.T.Helper()
	u := &identity.User{Subject: identity.NewSubject(s.Time), UserName: userName, Revision: 1}
	hash, err := s.People().Hash(context.Background(), Password)
	if err != nil {
		s.T.Fatal(err)
	}
	item := identity.Encode(u)
	item[identity.AttrPassword] = dynamo.Text(hash)
	table := s.Table(contract.Registry)
	s.write(dynamo.Put(table, item), dynamo.Put(table, identity.EncodeName(u)))
	return u.Subject
}

// People is the store of users.
func (s *Stage) People() *identity.Store {
	return &identity.Store{DB: s.DB, Registry: s.Table(contract.Registry), Peppers: s.pepper, Trail: s.Trail(), Now: s.Now}
}

func (s *Stage) pepper(_ context.Context, id string) (identity.Pepper, error) {
	p, err := s.Document.Pepper(id)
	if errors.Is(err, keys.ErrUnknown) {
		return identity.Pepper{}, identity.ErrPepper
	}
	if err != nil {
		return identity.Pepper{}, err
	}
	return identity.Pepper{ID: p.ID, Key: p.Key}, nil
}

// MACKey is the ring of MAC keys, as a vault would give them.
func (s *Stage) MACKey(_ context.Context, id string) (*keys.MACKey, error) {
	return s.Document.MACKey(id)
}

// ThrottleKey is the key under which attempts are counted.
func (s *Stage) ThrottleKey(ctx context.Context) ([]byte, error) {
	k, err := s.MACKey(ctx, "")
	if err != nil {
		return nil, err
	}
	return k.Key, nil
}

// Trail is the audit trail.
func (s *Stage) Trail() *audit.Trail {
	return &audit.Trail{Table: s.Table(contract.Audit), Days: 30, Now: s.Now}
}

// Sessions is the store of sessions.
func (s *Stage) Sessions() *session.Store {
	return &session.Store{
		DB: s.DB, Sessions: s.Table(contract.Sessions), Registry: s.Table(contract.Registry), Trail: s.Trail(), Now: s.Now,
	}
}

// Handles writes and reads the refresh tokens of the stage.
func (s *Stage) Handles() *session.Handles {
	return &session.Handles{Keys: s.MACKey, Region: "eu-central-1"}
}

// Codes writes and reads the authorization codes of the stage.
func (s *Stage) Codes() *session.Codes {
	return &session.Codes{Keys: s.MACKey, Region: "eu-central-1", Now: s.Now}
}

// Proofs judges the keys that clients prove.
func (s *Stage) Proofs() *dpop.Verifier {
	return &dpop.Verifier{
		Issuer: Issuer, Replay: &replay.Store{DB: s.DB, Sessions: s.Table(contract.Sessions), Now: s.Now},
		Nonces: s.MACKey, Now: s.Now,
	}
}

// Auth is a fresh guard of clients, with nothing remembered.
func (s *Stage) Auth() *clientauth.Guard {
	return &clientauth.Guard{
		Issuer: Issuer, Clients: s.Clients(), Replay: s.Proofs().Replay,
		Refusals: &audit.Refusals{DB: s.DB, Sessions: s.Table(contract.Sessions), Trail: s.Trail()},
	}
}

// Issuer makes the tokens of the grants of the stage.
func (s *Stage) Issuer() *issue.Issuer {
	return &issue.Issuer{
		Sessions: s.Sessions(), Handles: s.Handles(), Tokens: s.Minter(), Proofs: s.Proofs(), Now: s.Now,
		Audience: &audience.Resolver{Issuer: Issuer, Clients: s.Clients()},
	}
}

// Browser finds the signed-in user of a browser.
func (s *Stage) Browser() *userauth.Browser {
	return &userauth.Browser{Sessions: s.Sessions(), Users: s.People()}
}

// Guard finds the users of the stage by cookie or access token.
func (s *Stage) Guard() *userauth.Guard {
	return &userauth.Guard{Issuer: Issuer, Browser: s.Browser(), Bearer: s.Bearer(), Now: s.Now}
}

// Bearer accepts the access tokens of the stage.
func (s *Stage) Bearer() *bearer.Guard {
	return &bearer.Guard{Issuer: Issuer, Keys: s.Published(), Proofs: s.Proofs(), Now: s.Now}
}

// Forms makes and checks the tokens of forms.
func (s *Stage) Forms() *websec.Forms { return &websec.Forms{Key: s.MACKey, Now: s.Now} }

// Grant signs a user in to a client, for everything that the client may have,
// and returns the first tokens.
func (s *Stage) Grant(clientID, subject string) *issue.Issued {
	s.T.Helper()
	ctx := context.Background()
	c, err := s.Clients().Client(ctx, clientID)
	if err != nil {
		s.T.Fatal(err)
	}
	n := session.NewGrant{
		Subject: subject, AuthGen: s.authGen(subject), Client: c.ID, AuthTime: s.Time, AMR: []string{"pwd"},
		Idle: c.Idle, Absolute: c.Absolute, Bound: !c.Public(), ClientInfo: session.NewClientInfo(Address, "test/1"),
	}
	for _, a := range c.Access {
		n.Audience = append(n.Audience, a.Resource)
	}
	n.Scope = allScopes(c)
	g, err := s.Sessions().CreateGrant(ctx, n)
	if err != nil {
		s.T.Fatal(err)
	}
	begun, err := s.Issuer().Begin(ctx, c, g, issue.Extra{})
	if err != nil {
		s.T.Fatal(err)
	}
	return begun
}

// Login signs a user in to a browser and returns the login with its cookie.
func (s *Stage) Login(subject string) (*session.Login, string) {
	s.T.Helper()
	l, cookie, err := s.Sessions().CreateLogin(context.Background(), session.NewLogin{
		Subject: subject, AuthGen: s.authGen(subject), AuthTime: s.Time, AMR: []string{"pwd"},
		ClientInfo: session.NewClientInfo(Address, "test/1"),
	})
	if err != nil {
		s.T.Fatal(err)
	}
	return l, cookie
}

func (s *Stage) authGen(subject string) int64 {
	s.T.Helper()
	u, err := s.People().Get(context.Background(), subject)
	if err != nil {
		s.T.Fatal(err)
	}
	return u.AuthGen
}

func allScopes(c *client.Client) string {
	scopes := ""
	for _, a := range c.Access {
		for _, scope := range a.Scopes {
			if scopes != "" {
				scopes += " "
			}
			scopes += scope
		}
	}
	return scopes
}

// Entries counts the entries of the audit trail with an action; "" is any.
func (s *Stage) Entries(action audit.Action) int {
	s.T.Helper()
	table := s.Table(contract.Audit)
	out, err := s.DB.Scan(context.Background(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: new(true)})
	if err != nil {
		s.T.Fatal(err)
	}
	n := 0
	for _, it := range out.Items {
		if a, ok := it["action"].(*types.AttributeValueMemberS); ok && (action == "" || a.Value == string(action)) {
			n++
		}
	}
	return n
}

// Pass lets time pass.
func (s *Stage) Pass(d time.Duration) { s.Time = s.Time.Add(d) }
