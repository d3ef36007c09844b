package registry

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// Store is the registry of one stage, with the operations of an operator who may
// write it.
type Store struct {
	DB    *dynamodb.Client
	Table string
	Trail *audit.Trail
	// Actor is the operator as the audit trail names them.
	Actor string
	// Sessions ends the sessions of users who are disabled or deleted.
	Sessions *session.Store
}

// read returns all entries of some kinds by a consistent read. It scans the table:
// there is no index of all clients, because no function needs one.
func (s *Store) read(ctx context.Context, kinds []Kind) (table, error) {
	have := table{}
	if len(kinds) == 0 {
		return have, nil
	}
	keys := map[Kind]string{KindResource: client.SKResource, KindClient: client.SKClient, KindUser: contract.UserSort}
	values := dynamo.Item{}
	var filters []string
	for _, k := range kinds {
		name := ":" + string(k)
		if k == KindUpstream {
			filters = append(filters, "begins_with("+contract.SK+", "+name+")")
			values[name] = dynamo.Text(upstream.SKPrefix)
			continue
		}
		filters = append(filters, contract.SK+" = "+name)
		values[name] = dynamo.Text(keys[k])
	}
	filter := strings.Join(filters, " OR ")
	pages := dynamodb.NewScanPaginator(s.DB, &dynamodb.ScanInput{
		TableName: &s.Table, ConsistentRead: new(true),
		FilterExpression:          &filter,
		ExpressionAttributeValues: values,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the registry table %s: %w", s.Table, err)
		}
		for _, it := range page.Items {
			e, err := decode(it)
			if err != nil {
				return nil, err
			}
			if err := have.add(e); err != nil {
				return nil, err
			}
		}
	}
	return have, nil
}

// writes returns the writes of a change, without its audit entry. Each fails if the
// entry was written since the plan was made.
func (s *Store) writes(c *Change) []dynamo.Write {
	switch c.Op {
	case Create:
		c.after.item[attrRevision] = dynamo.Number(1)
		return append([]dynamo.Write{dynamo.Create(s.Table, c.after.item)}, s.userName(c)...)
	case Update:
		c.after.item[attrRevision] = dynamo.Number(c.before.revision + 1)
		return []dynamo.Write{s.update(c.before, c.after)}
	case Delete:
		return append([]dynamo.Write{s.remove(c.before)}, s.userName(c)...)
	case Unchanged, Kept:
	}
	return nil
}

// userName claims the name of a user that is created, and frees that of one
// that is deleted.
func (s *Store) userName(c *Change) []dynamo.Write {
	if c.Kind != KindUser {
		return nil
	}
	if c.Op == Delete {
		return []dynamo.Write{dynamo.Delete(s.Table, identity.NameKey(c.ID))}
	}
	return []dynamo.Write{dynamo.Create(s.Table, identity.EncodeName(&identity.User{UserName: c.ID, Subject: c.after.subject}))}
}

func (s *Store) remove(e *entry) dynamo.Write {
	return dynamo.Delete(s.Table, keyOf(e.item), isAt(e.revision)).Else(ErrChanged)
}

// isAt holds while an entry has the revision that the plan saw.
func isAt(revision int64) dynamo.Condition {
	return dynamo.Equal(attrRevision, dynamo.Number(revision))
}

// update sets and removes only the attributes that differ. Attributes that a later
// release or another package added to the item stay.
func (s *Store) update(before, after *entry) dynamo.Write {
	c := dynamo.Changes{Set: dynamo.Item{}}
	for attribute, value := range after.item {
		if !reflect.DeepEqual(value, before.item[attribute]) {
			c.Set[attribute] = value
		}
	}
	for _, attribute := range sortedKeys(before.item) {
		if _, kept := after.item[attribute]; !kept {
			c.Remove = append(c.Remove, attribute)
		}
	}
	return dynamo.Update(s.Table, keyOf(before.item), c, isAt(before.revision)).Else(ErrChanged)
}

func keyOf(it dynamo.Item) dynamo.Item {
	return dynamo.Item{contract.PK: it[contract.PK], contract.SK: it[contract.SK]}
}

func sortedKeys(it dynamo.Item) []string {
	keys := make([]string, 0, len(it))
	for k := range it {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
