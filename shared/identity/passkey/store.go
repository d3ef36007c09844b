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

// Store keeps the passkeys of people in the registry table. It is safe for
// concurrent use.
type Store struct {
	DB       *dynamodb.Client
	Registry string
	Trail    *audit.Trail
	People   *identity.Store
	Now      func(context.Context) time.Time
}

// List returns the passkeys of a person, the oldest first, with one consistent
// query.
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

// Get returns one passkey of a person, or ErrUnknown, with one consistent read.
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

// Add gives a user the passkey that Attest returned, with an audit entry. It returns
// ErrTooMany when there are Max, identity.ErrChanged when u is not what is stored any
// more, and an ErrRefused when the response was used before.
//
// The list is read after u, and the write holds only while nothing was added since
// u was read, so no user gets more than Max by adding two at once.
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

// Adding returns the writes that make a passkey a user's, with an audit entry, for
// a transaction that holds more. They fail with an ErrRefused when the response was
// used before.
func (s *Store) Adding(ctx context.Context, m *Made, requestID string) []dynamo.Write {
	refused := &RefusedError{Subject: m.Subject, Reason: "the response was used before, or the passkey is there already"}
	return []dynamo.Write{
		m.challenge.Else(refused), dynamo.Create(s.Registry, Encode(m.Passkey)).Else(refused),
		s.entry(ctx, audit.PasskeyAdd, m.Passkey, requestID),
	}
}

// Remove takes a passkey away from a user, with an audit entry. It returns
// identity.ErrChanged when u is not what is stored any more, and ErrUnknown when the
// passkey is gone. Whether the user has another way to sign in is the caller's to
// know, of when u was read.
func (s *Store) Remove(ctx context.Context, u *identity.User, p *Passkey, requestID string) error {
	err := dynamo.Tx{
		s.People.Changing(u, dynamo.Changes{}), s.Removal(p), s.entry(ctx, audit.PasskeyRemove, p, requestID),
	}.Run(ctx, s.DB)
	if err != nil {
		return fmt.Errorf("remove a passkey: %w", err)
	}
	return nil
}

// Removal is the write that takes a passkey away. It fails with ErrUnknown when the
// passkey is not there.
func (s *Store) Removal(p *Passkey) dynamo.Write {
	return dynamo.Delete(s.Registry, key(p.Subject, p.ID()), dynamo.Exists()).Else(ErrUnknown)
}

// Rename gives a passkey another name, which CleanName makes fit, with an audit
// entry. It returns ErrUnknown when the passkey is gone.
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

// entry is the audit entry of what its owner did with a passkey.
func (s *Store) entry(ctx context.Context, action audit.Action, p *Passkey, requestID string) dynamo.Write {
	return s.Trail.Put(ctx, audit.Entry{
		Actor: p.Subject, Action: action, Subject: p.Subject, Object: contract.PasskeyPrefix.Of(p.ID()), Outcome: audit.Success,
		Detail: map[string]string{"name": p.Name}, RequestID: requestID,
	})
}
