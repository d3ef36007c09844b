package passkey

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

// Store keeps the passkeys of users in the registry table. It is safe for concurrent
// use.
type Store struct {
	DB       *dynamodb.Client
	Registry string
	Trail    *audit.Trail
	People   *identity.Store
	Now      func(context.Context) time.Time
}

// List returns the passkeys of a user, the oldest first, with one consistent query.
func (s *Store) List(ctx context.Context, subject string) ([]Passkey, error) {
	out, err := s.DB.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.Registry, ConsistentRead: new(true),
		KeyConditionExpression:    new("pk = :pk AND begins_with(sk, :sk)"),
		ExpressionAttributeValues: dynamo.Item{":pk": dynamo.Text(contract.UserPrefix.Of(subject)), ":sk": dynamo.Text(string(contract.PasskeyPrefix))},
	})
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	all := make([]Passkey, 0, len(out.Items)) // one page: Max small items
	for _, it := range out.Items {
		p, err := Decode(it)
		if err != nil {
			return nil, err
		}
		all = append(all, *p)
	}
	slices.SortFunc(all, func(a, b Passkey) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID(), b.ID()))
	})
	return all, nil
}

// Get returns one passkey of a user, or [ErrUnknown], with one consistent read.
func (s *Store) Get(ctx context.Context, subject, id string) (*Passkey, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Registry, Key: key(subject, id), ConsistentRead: new(true)})
	if err != nil {
		return nil, fmt.Errorf("read a passkey: %w", err)
	}
	if len(out.Item) == 0 {
		return nil, ErrUnknown
	}
	return Decode(out.Item)
}

// Add gives a user the passkey that [Party.Attest] returned, with an audit entry. It
// returns [ErrTooMany] when the user has [Max] passkeys, [identity.ErrChanged] when u has
// changed since they were read, and an [ErrRefused] when the response was used before.
//
// The list is read after u, and the transaction fails when a passkey was added since u
// was read. So concurrent requests cannot exceed Max.
func (s *Store) Add(ctx context.Context, u *identity.User, m *Made, requestID string) error {
	existing, err := s.List(ctx, u.Subject)
	if err != nil {
		return err
	}
	if len(existing) >= Max {
		return ErrTooMany
	}
	tx := append(dynamo.Tx{s.People.Changing(u, dynamo.Changes{})}, s.Adding(ctx, m, requestID)...)
	if err := tx.Run(ctx, s.DB); err != nil {
		return fmt.Errorf("add a passkey: %w", err)
	}
	return nil
}

// Adding returns the writes that store a new passkey, with an audit entry, for a
// transaction of the caller. They fail with an [ErrRefused] when the response was used
// before.
func (s *Store) Adding(ctx context.Context, m *Made, requestID string) []dynamo.Write {
	refused := &RefusedError{Subject: m.Subject, Reason: "the response was used before, or the passkey is there already"}
	return []dynamo.Write{
		m.challenge.Else(refused), dynamo.Create(s.Registry, Encode(m.Passkey)).Else(refused),
		s.entry(ctx, audit.PasskeyAdd, m.Passkey, requestID),
	}
}

// Remove removes a passkey of a user, with an audit entry. It returns
// [identity.ErrChanged] when u has changed since they were read, and [ErrUnknown] when
// the passkey does not exist. The caller has checked, after reading u, that the user has
// another way to sign in.
func (s *Store) Remove(ctx context.Context, u *identity.User, p *Passkey, requestID string) error {
	err := dynamo.Tx{
		s.People.Changing(u, dynamo.Changes{}), s.Removal(p), s.entry(ctx, audit.PasskeyRemove, p, requestID),
	}.Run(ctx, s.DB)
	if err != nil {
		return fmt.Errorf("remove a passkey: %w", err)
	}
	return nil
}

// Removal returns the write that removes a passkey. It fails with [ErrUnknown] when the
// passkey does not exist.
func (s *Store) Removal(p *Passkey) dynamo.Write {
	return dynamo.Delete(s.Registry, key(p.Subject, p.ID()), dynamo.Exists()).Else(ErrUnknown)
}

// Rename gives a passkey another name, cleaned by [CleanName], with an audit entry. It
// returns [ErrUnknown] when the passkey does not exist.
func (s *Store) Rename(ctx context.Context, p *Passkey, name, requestID string) error {
	renamed := *p
	renamed.Name = cmp.Or(CleanName(name), unnamed)
	err := dynamo.Tx{
		dynamo.Update(s.Registry, key(p.Subject, p.ID()),
			dynamo.Changes{Set: dynamo.Item{attrName: dynamo.Text(renamed.Name)}}, dynamo.Exists()).Else(ErrUnknown),
		s.entry(ctx, audit.PasskeyRename, &renamed, requestID),
	}.Run(ctx, s.DB)
	if err != nil {
		return fmt.Errorf("rename a passkey: %w", err)
	}
	return nil
}

// entry returns the write of the audit entry about an action of a user on a passkey.
func (s *Store) entry(ctx context.Context, action audit.Action, p *Passkey, requestID string) dynamo.Write {
	return s.Trail.Put(ctx, audit.Entry{
		Actor: p.Subject, Action: action, Subject: p.Subject, Object: contract.PasskeyPrefix.Of(p.ID()), Outcome: audit.Success,
		Detail: map[string]string{"name": p.Name}, RequestID: requestID,
	})
}
