// Package enginetest gives tests a real database.
//
// A test that stores something calls [DB]. It gets a client and tables of its own
// on an engine that all tests of the binary share. The engine keeps its data in
// memory. The first call starts it, and it ends with the test process. Nothing is
// an imitation, so a condition expression that is wrong here is wrong on AWS.
//
// Without an engine a test fails. It is not skipped, because a skipped test
// proves nothing.
package enginetest

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/engine"
)

// DB creates an empty table for each of [contract.Tables]. It returns a client of
// the engine, and a function that gives the physical name of a table. The tables
// are deleted when the test ends.
func DB(tb testing.TB) (*dynamodb.Client, func(contract.Resource) string) {
	tb.Helper()
	shared, err := start()
	if err != nil {
		tb.Fatalf("start the engine for tests: %v", err)
	}
	db := engine.Client(shared.URL())
	prefix := "t-" + rand.Text() + "-"
	name := func(r contract.Resource) string { return prefix + string(r) }
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, table := range contract.Tables {
		if err := engine.CreateTable(ctx, db, table, name(table.Name)); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() {
		for _, table := range contract.Tables {
			_, err := db.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: new(name(table.Name))})
			if err != nil {
				tb.Errorf("delete table %s: %v", table.Name, err)
			}
		}
	})
	return db, name
}

// start starts the engine of this test binary. Nothing closes it: it ends with
// the process.
var start = sync.OnceValues(func() (*engine.Engine, error) {
	return engine.Start(context.Background(), engine.Options{})
})
