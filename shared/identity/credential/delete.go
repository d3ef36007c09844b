package credential

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
)

// Deletion deletes the items of a user who is being deleted. The caller disables the
// user first, so that no new items can be created.
type Deletion struct {
	Users *identity.Store
	// Actor is the operator who deletes the user, for the audit trail.
	Actor string
}

// maxBelongings is how many writes fit into the transaction of a deletion, which holds
// 100, in addition to the user, the name and the audit entry.
const maxBelongings = 90

// belongings returns the writes that delete the items of a user except the user item:
// passkeys, the authenticator app, linked accounts, consents, and anything that a later
// release stores in the same partition. Each list holds the writes that must happen
// together.
func (s *Deletion) belongings(ctx context.Context, subject string) ([][]dynamo.Write, error) {
	links := &external.Store{DB: s.Users.DB, Registry: s.Users.Registry, Now: s.Users.Now}
	pages := dynamodb.NewQueryPaginator(s.Users.DB, &dynamodb.QueryInput{
		TableName: &s.Users.Registry, ConsistentRead: new(true),
		KeyConditionExpression:    new(contract.PK + " = :person"),
		ExpressionAttributeValues: dynamo.Item{":person": dynamo.UserKey(subject)[contract.PK]},
		ProjectionExpression:      new(contract.PK + ", " + contract.SK),
	})
	var all [][]dynamo.Write
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for what belongs to %s: %w", subject, err)
		}
		for _, it := range page.Items {
			sk := dynamo.Item(it).Text(contract.SK)
			id, isLink := contract.ExternalAccountPrefix.Cut(sk)
			switch {
			case sk == contract.UserSort:
			case isLink:
				all = append(all, links.Forgetting(subject, id))
			default:
				all = append(all, []dynamo.Write{dynamo.Delete(s.Users.Registry, dynamo.Key(dynamo.Item(it).Text(contract.PK), sk))})
			}
		}
	}
	return all, nil
}

// Begin deletes items of a user until the rest fits into the transaction that deletes
// the user, and returns the writes of the rest. Each transaction has an audit entry. A
// repetition completes an interrupted deletion.
func (s *Deletion) Begin(ctx context.Context, subject string) ([]dynamo.Write, error) {
	all, err := s.belongings(ctx, subject)
	if err != nil {
		return nil, err
	}
	var batch []dynamo.Write
	for _, writes := range all {
		if len(batch)+len(writes) > maxBelongings {
			if err := s.forgotten(ctx, subject, batch); err != nil {
				return nil, err
			}
			batch = nil
		}
		batch = append(batch, writes...)
	}
	return batch, nil
}

// Finish deletes items that a concurrent request wrote after [Deletion.Begin] had read
// them. They could not be found later, since the subject is never assigned again.
func (s *Deletion) Finish(ctx context.Context, subject string) error {
	left, err := s.Begin(ctx, subject)
	if err != nil || len(left) == 0 {
		return err
	}
	return s.forgotten(ctx, subject, left)
}

func (s *Deletion) forgotten(ctx context.Context, subject string, writes []dynamo.Write) error {
	entry := s.Users.Trail.Put(ctx, audit.Entry{
		Actor: s.Actor, Action: audit.UserForget, Subject: subject, Object: contract.UserPrefix.Of(subject), Outcome: audit.Success,
		Detail: map[string]string{"items": fmt.Sprint(len(writes))},
	})
	if err := append(dynamo.Tx(writes), entry).Run(ctx, s.Users.DB); err != nil {
		return fmt.Errorf("delete what belongs to %s: %w", subject, err)
	}
	return nil
}
