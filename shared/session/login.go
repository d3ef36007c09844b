package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

// A login cookie names its login and proves it with 32 random bytes, of which only the
// SHA-256 is stored. Its payload is the version, the length of the subject, the
// subject, the ULID of the login, and the random bytes. No refresh token has this
// version, so the payload of a refresh token never reads as a cookie.
const (
	cookieVersion = 0x81
	cookieSecret  = 32
)

func newCookie(subject, id string) (cookie string, hash []byte, err error) {
	parsed, err := ulid.ParseStrict(id)
	if err != nil || len(subject) > maxSubject {
		return "", nil, fmt.Errorf("login %q of %q has no cookie", id, subject)
	}
	secret := make([]byte, cookieSecret)
	rand.Read(secret) // never fails (crypto/rand)
	b := append([]byte{cookieVersion, byte(len(subject))}, subject...)
	b = append(b, parsed[:]...)
	sum := sha256.Sum256(secret)
	return opaque.Write(opaque.LoginCookie, append(b, secret...)), sum[:], nil
}

func readCookie(cookie string) (subject, id string, hash []byte, ok bool) {
	payload, err := opaque.Read(opaque.LoginCookie, cookie)
	if err != nil {
		return "", "", nil, false
	}
	c := &cursor{rest: payload}
	version := c.take(1)
	subject = c.text(maxSubject)
	var parsed ulid.ULID
	copy(parsed[:], c.take(len(parsed)))
	sum := sha256.Sum256(c.take(cookieSecret))
	if !c.done() || version[0] != cookieVersion {
		return "", "", nil, false
	}
	return subject, parsed.String(), sum[:], true
}

// LoginByCookie returns the live login of a cookie, or [ErrEnded], with one consistent
// read. It makes no read for a malformed cookie.
func (s *Store) LoginByCookie(ctx context.Context, cookie string) (*Login, error) {
	subject, id, hash, ok := readCookie(cookie)
	if !ok {
		return nil, fmt.Errorf("read login: the cookie is malformed: %w", ErrEnded)
	}
	it, err := s.get(ctx, KindLogin, subject, id)
	if err != nil {
		return nil, err
	}
	l, err := decodeLogin(it)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(l.hash, hash) != 1 || !l.live(s.Now(ctx)) {
		return nil, fmt.Errorf("read login %s: %w", id, ErrEnded)
	}
	return l, nil
}

// touchEvery is the precision of the last use of a login.
const touchEvery = time.Minute

// Touch records that a login is used, and from where, and extends its idle time. It
// writes at most once a minute. It returns [ErrEnded] when the login has ended since
// it was read.
func (s *Store) Touch(ctx context.Context, l *Login, d ClientInfo) error {
	now := s.Now(ctx)
	if now.Sub(l.Used) < touchEvery {
		return nil
	}
	update := "SET #used = :now, #idle = :idle, #ip = :ip, #agent = :agent"
	condition := "#state = :active AND #idle > :now AND #abs > :now"
	_, err := dynamo.UpdateItem(ctx, s.DB, &dynamodb.UpdateItemInput{
		TableName: &s.Sessions, Key: KindLogin.key(l.Subject, l.ID),
		UpdateExpression: &update, ConditionExpression: &condition,
		ExpressionAttributeNames: dynamo.Names(attrUsed, attrIdle, attrAbsolute, attrState, attrIP, attrAgent),
		ExpressionAttributeValues: dynamo.Item{
			":now": dynamo.Seconds(now), ":idle": dynamo.Seconds(now.Add(LoginIdle)), ":active": dynamo.Text(stateActive),
			":ip": dynamo.Text(d.IP), ":agent": dynamo.Text(d.Agent),
		},
	})
	if _, failed := errors.AsType[*types.ConditionalCheckFailedException](err); failed {
		return fmt.Errorf("touch login %s: %w", l.ID, ErrEnded)
	}
	if err != nil {
		return fmt.Errorf("touch login %s: %w", l.ID, err)
	}
	l.Used, l.Idle, l.ClientInfo = second(now), second(now.Add(LoginIdle)), d
	return nil
}
