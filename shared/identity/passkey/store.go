package passkey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
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
		ExpressionAttributeValues: dynamo.Item{":pk": dynamo.Text("user#" + subject), ":sk": dynamo.Text(skPrefix)},
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

// Add gives a person the passkey that Attest returned with these writes, with an
// audit entry. It returns ErrTooMany when there are Max, ErrChanged when u is not
// what is stored any more, and an ErrRefused when the response was used before.
//
// The list is read after u, and the write holds only while nothing was added since
// u was read, so nobody gets more than Max by adding two at once.
func (s *Store) Add(ctx context.Context, u *identity.User, p *Passkey, writes []types.TransactWriteItem, requestID string) error {
	existing, err := s.List(ctx, u.Subject)
	if err != nil {
		return err
	}
	if len(existing) >= Max {
		return ErrTooMany
	}
	err = audit.Write(ctx, s.DB, slices.Concat([]types.TransactWriteItem{
		s.People.Changing(u, "", "", nil), s.Entry(ctx, audit.PasskeyAdd, p, requestID),
	}, writes)...)
	condition, failed := errors.AsType[*audit.ConditionError](err)
	switch {
	case !failed && err != nil:
		return fmt.Errorf("add a passkey: %w", err)
	case failed && condition.Index == 0:
		return ErrChanged
	case failed:
		return &RefusedError{Subject: u.Subject, Reason: "the response was used before, or the passkey is there already"}
	}
	return nil
}

// Remove takes a passkey away from a person, with an audit entry. It returns
// ErrChanged when u is not what is stored any more, and ErrUnknown when the passkey
// is gone. Whether the person has another way to sign in is the caller's to know, of
// when u was read.
func (s *Store) Remove(ctx context.Context, u *identity.User, p *Passkey, requestID string) error {
	err := audit.Write(ctx, s.DB,
		s.People.Changing(u, "", "", nil), s.Removal(p), s.Entry(ctx, audit.PasskeyRemove, p, requestID))
	condition, failed := errors.AsType[*audit.ConditionError](err)
	switch {
	case failed && condition.Index == 0:
		return ErrChanged
	case failed && condition.Index == 1:
		return ErrUnknown
	case err != nil:
		return fmt.Errorf("remove a passkey: %w", err)
	}
	return nil
}

// Removal is the write that takes a passkey away, if it is there.
func (s *Store) Removal(p *Passkey) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName: &s.Registry, Key: key(p.Subject, p.ID()), ConditionExpression: new("attribute_exists(pk)"),
	}}
}

// Rename gives a passkey another name, which CleanName makes fit, with an audit
// entry. It returns ErrUnknown when the passkey is gone.
func (s *Store) Rename(ctx context.Context, p *Passkey, name, requestID string) error {
	renamed := *p
	renamed.Name = cmp.Or(CleanName(name), unnamed)
	err := audit.Write(ctx, s.DB, types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Registry, Key: key(p.Subject, p.ID()),
		UpdateExpression: new("SET #name = :name"), ConditionExpression: new("attribute_exists(pk)"),
		ExpressionAttributeNames:  dynamo.Names(attrName),
		ExpressionAttributeValues: dynamo.Item{":name": dynamo.Text(renamed.Name)},
	}}, s.Entry(ctx, audit.PasskeyRename, &renamed, requestID))
	if condition, failed := errors.AsType[*audit.ConditionError](err); failed && condition.Index == 0 {
		return ErrUnknown
	}
	if err != nil {
		return fmt.Errorf("rename a passkey: %w", err)
	}
	return nil
}

// Entry is the audit entry of what its owner did with a passkey, for transactions
// of the caller.
func (s *Store) Entry(ctx context.Context, action audit.Action, p *Passkey, requestID string) types.TransactWriteItem {
	return s.Trail.Put(ctx, audit.Entry{
		Actor: p.Subject, Action: action, Subject: p.Subject, Object: skPrefix + p.ID(), Outcome: audit.Success,
		Detail: map[string]string{"name": p.Name}, RequestID: requestID,
	})
}
