package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/engine"
	"github.com/tipstaff/tipstaff/shared/local/lock"
)

// databaseFile is the file of the engine in the folder of a stack.
const databaseFile = "dynamodb.db"

// startDatabase starts the engine and creates missing tables. It reports whether all
// tables are new.
func (s *Stack) startDatabase(ctx context.Context) (fresh bool, err error) {
	began := time.Now()
	path := filepath.Join(s.options.Dir, databaseFile)
	s.engine, err = engine.Start(ctx, engine.Options{Path: path})
	if held, ok := errors.AsType[*lock.HeldError](err); ok {
		return false, fmt.Errorf("the database %s is in use by process %d", path, held.PID)
	}
	if err != nil {
		return false, err
	}
	s.onClose(s.engine.Close)
	created, err := createTables(ctx, s.DynamoDB(), s.stage.Tables)
	if err != nil {
		return false, err
	}
	s.step(began, "database with %d tables, %d of them new", len(s.stage.Tables), created)
	return created == len(s.stage.Tables), nil
}

// createTables creates the tables that do not exist and returns their number. A table
// that exists must have the keys and indexes of its template.
func createTables(ctx context.Context, db *dynamodb.Client, tables []cfn.Table) (created int, err error) {
	for _, t := range tables {
		wanted := plain(t)
		found, err := db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &t.Name})
		if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
			if err := engine.CreateTable(ctx, db, wanted, t.Name); err != nil {
				return created, err
			}
			created++
			continue
		}
		if err != nil {
			return created, fmt.Errorf("look for table %s: %w", t.Name, err)
		}
		if !matches(found.Table, wanted) {
			return created, fmt.Errorf("table %s has other keys or indexes than its template: it is from an older version; remove the database to start with a new one", t.Name)
		}
	}
	return created, nil
}

// plain describes a table of the templates as the contract describes it.
func plain(t cfn.Table) contract.Table {
	out := contract.Table{PartitionKey: t.PartitionKey, SortKey: t.SortKey, TTL: t.TTL}
	for _, index := range t.Indexes {
		out.Indexes = append(out.Indexes, contract.Index{
			Name: index.Name, PartitionKey: index.PartitionKey, SortKey: index.SortKey,
		})
	}
	return out
}

func matches(found *types.TableDescription, wanted contract.Table) bool {
	indexes := map[string]contract.Index{}
	for _, index := range wanted.Indexes {
		indexes[index.Name] = index
	}
	for _, index := range found.GlobalSecondaryIndexes {
		want, ok := indexes[*index.IndexName]
		if !ok || !sameKey(index.KeySchema, want.PartitionKey, want.SortKey) {
			return false
		}
		delete(indexes, *index.IndexName)
	}
	return len(indexes) == 0 && sameKey(found.KeySchema, wanted.PartitionKey, wanted.SortKey)
}

func sameKey(schema []types.KeySchemaElement, partition, sort string) bool {
	found := map[types.KeyType]string{}
	for _, k := range schema {
		found[k.KeyType] = *k.AttributeName
	}
	return found[types.KeyTypeHash] == partition && found[types.KeyTypeRange] == sort
}
