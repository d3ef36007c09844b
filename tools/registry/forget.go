package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/external"
)

// maxBelongings is how many writes fit into the transaction of a deletion, which
// holds 100, beside the user, the name and the entry.
const maxBelongings = 90

// belongings returns the writes that delete what belongs to a person beside the
// person: passkeys, the authenticator app, linked accounts, consents, and whatever
// a later release keeps in the same partition. What belongs together is one of the
// lists.
func (s *Store) belongings(ctx context.Context, subject string) ([][]types.TransactWriteItem, error) {
	links := &external.Store{DB: s.DB, Registry: s.Table, Now: s.Trail.Now}
	pages := dynamodb.NewQueryPaginator(s.DB, &dynamodb.QueryInput{
		TableName: &s.Table, ConsistentRead: new(true),
		KeyConditionExpression:    new(contract.PK + " = :person"),
		ExpressionAttributeValues: dynamo.Item{":person": identity.Key(subject)[contract.PK]},
		ProjectionExpression:      new(contract.PK + ", " + contract.SK),
	})
	var all [][]types.TransactWriteItem
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for what belongs to %s: %w", subject, err)
		}
		for _, it := range page.Items {
			sk := dynamo.Item(it).Text(contract.SK)
			id, isLink := strings.CutPrefix(sk, external.Prefix)
			switch {
			case sk == identity.SKUser:
			case isLink:
				all = append(all, links.Forgetting(subject, id))
			default:
				all = append(all, []types.TransactWriteItem{{Delete: &types.Delete{TableName: &s.Table, Key: keyOf(it)}}})
			}
		}
	}
	return all, nil
}

// forget deletes what belongs to a person until what is left fits into the
// transaction that deletes the person, and returns the writes for that. Each
// transaction has an entry of its own. The person is disabled by now and gets
// nothing new; whoever runs an interrupted apply again completes it.
func (s *Store) forget(ctx context.Context, subject string) ([]types.TransactWriteItem, error) {
	all, err := s.belongings(ctx, subject)
	if err != nil {
		return nil, err
	}
	var batch []types.TransactWriteItem
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

// sweep deletes what a request that was under way wrote for a person after forget
// had looked. Nobody would find it later: the subject is never given again.
func (s *Store) sweep(ctx context.Context, subject string) error {
	left, err := s.forget(ctx, subject)
	if err != nil || len(left) == 0 {
		return err
	}
	return s.forgotten(ctx, subject, left)
}

func (s *Store) forgotten(ctx context.Context, subject string, writes []types.TransactWriteItem) error {
	entry := s.Trail.Put(ctx, audit.Entry{
		Actor: s.Actor, Action: audit.UserForget, Subject: subject, Object: string(KindUser) + "#" + subject, Outcome: audit.Success,
		Detail: map[string]string{"items": fmt.Sprint(len(writes))},
	})
	if err := audit.Write(ctx, s.DB, slices.Concat(writes, []types.TransactWriteItem{entry})...); err != nil {
		return fmt.Errorf("delete what belongs to %s: %w", subject, err)
	}
	return nil
}
