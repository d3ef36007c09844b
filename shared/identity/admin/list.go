package admin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
)

// List returns all users, in order of their user names. It reads the whole table, so it
// is for operators and not for the functions.
func (s *Store) List(ctx context.Context) ([]*identity.User, error) {
	pages := dynamodb.NewScanPaginator(s.DB, &dynamodb.ScanInput{
		TableName: &s.Registry, ConsistentRead: new(true),
		FilterExpression:          new(contract.SK + " = :user"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":user": dynamo.Text(contract.UserSort)},
	})
	var all []*identity.User
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list users: %w", err)
		}
		for _, it := range page.Items {
			u, err := identity.Decode(it)
			if err != nil {
				return nil, err
			}
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b *identity.User) int {
		return strings.Compare(strings.ToLower(a.UserName), strings.ToLower(b.UserName))
	})
	return all, nil
}

// Ways counts the credentials of a user in addition to a password.
type Ways struct{ Passkeys, Linked int }

// Ways returns the credentials of all users, by subject. Like [Store.List] it reads the
// whole table.
func (s *Store) Ways(ctx context.Context) (map[string]Ways, error) {
	pages := dynamodb.NewScanPaginator(s.DB, &dynamodb.ScanInput{
		TableName: &s.Registry, ConsistentRead: new(true),
		ProjectionExpression:      new(contract.PK + ", " + contract.SK),
		FilterExpression:          new("begins_with(" + contract.SK + ", :passkeys) OR begins_with(" + contract.SK + ", :linked)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":passkeys": dynamo.Text(string(contract.PasskeyPrefix)), ":linked": dynamo.Text(string(contract.ExternalAccountPrefix))},
	})
	all := map[string]Ways{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list ways to sign in: %w", err)
		}
		for _, it := range page.Items {
			subject, ok := contract.UserPrefix.Cut(dynamo.Item(it).Text(contract.PK))
			if !ok {
				continue
			}
			w := all[subject]
			if strings.HasPrefix(dynamo.Item(it).Text(contract.SK), string(contract.PasskeyPrefix)) {
				w.Passkeys++
			} else {
				w.Linked++
			}
			all[subject] = w
		}
	}
	return all, nil
}
