package relying

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/oauth2"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// JourneyLife is how long a user may take at an upstream.
const JourneyLife = 10 * time.Minute

// ErrJourney is returned when a state names no journey of the browser with that upstream: it
// never began, took too long, was answered before, or belongs to another browser or
// upstream. In every case the journey has ended.
var ErrJourney = errors.New("no such journey to an upstream")

// Journey is a user's redirect to an upstream and back: what we need at the callback, and
// what the answer must match.
type Journey struct {
	// Upstream is the id of the upstream. Issuer and ClientID are its values at the
	// start.
	Upstream, Issuer, ClientID string
	// Browser is the name of the browser, see package websec.
	Browser string
	// Return and To are the destination after the sign-in.
	Return, To string
	// Login and Subject are the session and the user that the account will be connected
	// to. They are empty for a sign-in.
	Login, Subject string
	// Invite is the text of the invitation that the user follows, or empty.
	Invite string
	// Again requires a new authentication, even after a recent one.
	Again bool

	// Begin sets Nonce and Verifier (OpenID Connect Core §3.1.2.1, RFC 7636).
	Nonce, Verifier string
}

// Journeys stores the journeys in the sessions table. It is safe for concurrent use.
//
// Only a state of 256 random bits leaves the server, and only its hash is stored. The
// other secrets, the nonce, the verifier and an invitation, are stored sealed: read access
// to the table is not enough to complete a journey.
type Journeys struct {
	DB *dynamodb.Client
	// Sessions is the physical name of the table.
	Sessions string
	// Box seals, under the kind opaque.UpstreamState.
	Box *opaque.Box
	Now func(context.Context) time.Time
}

// The layout of an item. An empty value is absent.
const (
	skJourney  = "journey"
	stateBytes = 32

	attrIssuedBy = "iss"
	attrParty    = "client"
	attrBrowser  = "browser" // SHA-256 of the name
	attrSealed   = "sealed"  // a handle with secrets
	attrReturn   = "return"
	attrTo       = "to"
	attrLogin    = "login"
	attrUser     = "user"
	attrAgain    = "again"
	attrUpstream = "upstream"
	attrExpires  = "expires" // epoch seconds
)

// secrets are the sealed part of a journey.
type secrets struct {
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Invite   string `json:"invite,omitempty"`
}

// Begin stores a journey and returns its state. It makes a nonce and a verifier, and one
// write.
func (s *Journeys) Begin(ctx context.Context, j *Journey) (state string, err error) {
	name, nonce := make([]byte, stateBytes), make([]byte, stateBytes)
	rand.Read(name)  // never fails (crypto/rand)
	rand.Read(nonce) // never fails (crypto/rand)
	j.Nonce, j.Verifier = base64.RawURLEncoding.EncodeToString(nonce), oauth2.GenerateVerifier()
	content, err := json.Marshal(secrets{Nonce: j.Nonce, Verifier: j.Verifier, Invite: j.Invite})
	if err != nil {
		return "", fmt.Errorf("begin a journey: %w", err)
	}
	text, err := s.Box.Seal(ctx, content)
	if err != nil {
		return "", fmt.Errorf("begin a journey: %w", err)
	}
	expires := s.Now(ctx).Add(JourneyLife)
	it := journeyKey(name)
	it[attrUpstream] = dynamo.Text(j.Upstream)
	it[attrIssuedBy] = dynamo.Text(j.Issuer)
	it[attrParty] = dynamo.Text(j.ClientID)
	it[attrBrowser] = dynamo.Bytes(digest(j.Browser))
	it[attrSealed] = dynamo.Text(text)
	it[attrExpires] = dynamo.Seconds(expires)
	it[contract.TTL] = dynamo.Seconds(expires)
	it.PutText(attrReturn, j.Return)
	it.PutText(attrTo, j.To)
	it.PutText(attrLogin, j.Login)
	it.PutText(attrUser, j.Subject)
	it.PutFlag(attrAgain, j.Again)
	_, err = s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Sessions, Item: it, ConditionExpression: new("attribute_not_exists(pk)")})
	if err != nil {
		return "", fmt.Errorf("begin a journey: %w", err)
	}
	return opaque.Write(opaque.UpstreamState, name), nil
}

// End removes the journey of a state, so that no other request gets it. Then it checks that
// the journey belongs to the browser and the upstream. It makes one write, and none for a
// malformed state. The error is [ErrJourney] unless a call failed. A journey of the same
// browser that is only too late or for another upstream is returned with the error, so that
// the user can be sent back to the start.
func (s *Journeys) End(ctx context.Context, state, upstreamID, browser string) (*Journey, error) {
	name, err := opaque.Read(opaque.UpstreamState, state)
	if err != nil || len(name) != stateBytes {
		return nil, fmt.Errorf("%w: the state is malformed", ErrJourney)
	}
	out, err := s.DB.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &s.Sessions, Key: journeyKey(name),
		ConditionExpression: new("attribute_exists(pk)"), ReturnValues: types.ReturnValueAllOld,
	})
	if _, gone := errors.AsType[*types.ConditionalCheckFailedException](err); gone {
		return nil, fmt.Errorf("%w: it never began, or was answered before", ErrJourney)
	}
	if err != nil {
		return nil, fmt.Errorf("end a journey: %w", err)
	}
	r := dynamo.Reader{Item: out.Attributes}
	kept, expires := r.Bytes(attrBrowser), r.Time(attrExpires)
	j := &Journey{
		Upstream: r.Text(attrUpstream), Issuer: r.Text(attrIssuedBy), ClientID: r.Text(attrParty), Browser: browser,
		Return: r.Text(attrReturn), To: r.Text(attrTo), Login: r.Text(attrLogin), Subject: r.Text(attrUser), Again: r.Flag(attrAgain),
	}
	text := r.Text(attrSealed)
	switch {
	case r.Err() != nil:
		return nil, fmt.Errorf("end a journey: %w", r.Err())
	case browser == "" || subtle.ConstantTimeCompare(kept, digest(browser)) != 1:
		return nil, fmt.Errorf("%w: it is another browser's", ErrJourney)
	case j.Upstream != upstreamID:
		return j, fmt.Errorf("%w: it is to another upstream", ErrJourney)
	case expires.Unix() <= s.Now(ctx).Unix():
		return j, fmt.Errorf("%w: it took too long", ErrJourney)
	}
	return j, s.open(ctx, j, text)
}

// open completes a journey with its secrets.
func (s *Journeys) open(ctx context.Context, j *Journey, text string) error {
	content, err := s.Box.Open(ctx, text)
	if err != nil {
		return fmt.Errorf("end a journey: %w", err)
	}
	var held secrets
	if err := json.Unmarshal(content, &held); err != nil || held.Nonce == "" || held.Verifier == "" {
		return errors.New("end a journey: what was sealed is none")
	}
	j.Nonce, j.Verifier, j.Invite = held.Nonce, held.Verifier, held.Invite
	return nil
}

func journeyKey(name []byte) dynamo.Item {
	sum := sha256.Sum256(name)
	return dynamo.Key(contract.UpstreamPrefix.Of(hex.EncodeToString(sum[:])), skJourney)
}

func digest(browser string) []byte {
	sum := sha256.Sum256([]byte("tipstaff journey\x00" + browser))
	return sum[:]
}
