package audit

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/oklog/ulid/v2"
)

// Written reports whether the entry with that id is in the trail, with a
// consistent read. As an entry is written with the change that it records, it
// also tells whether a transaction of unknown outcome was applied.
func (t *Trail) Written(ctx context.Context, db *dynamodb.Client, id ulid.ULID) (bool, error) {
	yes := true
	out, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.Table, Key: Key(id), ConsistentRead: &yes})
	if err != nil {
		return false, fmt.Errorf("look for audit entry %s: %w", id, err)
	}
	return len(out.Item) > 0, nil
}
