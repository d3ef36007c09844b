package registry_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/httpapi"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/session"
	"github.com/tipstaff/tipstaff/tools/registry"
)

// bench is a registry over real tables.
type bench struct {
	*registry.Store
	t *testing.T
}

func newBench(t *testing.T) bench {
	t.Helper()
	db, name := enginetest.DB(t)
	trail := &audit.Trail{Table: name(contract.Audit), Days: 30, Now: ticking()}
	return bench{t: t, Store: &registry.Store{
		DB: db, Table: name(contract.Registry), Actor: "tester", Trail: trail,
		Sessions: &session.Store{
			DB: db, Sessions: name(contract.Sessions), Registry: name(contract.Registry), Trail: trail, Now: httpapi.Now,
		},
	}}
}

// ticking is a clock that is a millisecond later at every look: entries of one
// millisecond are in no order.
func ticking() func(context.Context) time.Time {
	begin := time.Now()
	var looks atomic.Int64
	return func(context.Context) time.Time { return begin.Add(time.Duration(looks.Add(1)) * time.Millisecond) }
}

func parse(t *testing.T, file string) *registry.Document {
	t.Helper()
	doc, err := registry.Parse("registry.yaml", []byte(file))
	if err != nil {
		t.Fatalf("Parse:\n%v", err)
	}
	return doc
}

func (b bench) plan(file string, prune bool) *registry.Plan {
	b.t.Helper()
	p, err := b.Plan(b.t.Context(), parse(b.t, file), prune)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// apply applies a file and returns the new secrets by client.
func (b bench) apply(file string, prune bool) map[string]string {
	b.t.Helper()
	secrets := map[string]string{}
	err := b.Apply(b.t.Context(), b.plan(file, prune), func(a registry.Applied) {
		if a.Secret != "" {
			secrets[a.ID] = a.Secret
		}
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return secrets
}

func (b bench) scan(table string) []map[string]types.AttributeValue {
	b.t.Helper()
	out, err := b.DB.Scan(b.t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: new(true)})
	if err != nil {
		b.t.Fatal(err)
	}
	return out.Items
}

// trail returns what the audit table says, one "action object detail…" each.
func (b bench) trail() []string {
	b.t.Helper()
	items := b.scan(b.Trail.Table)
	slices.SortFunc(items, func(x, y map[string]types.AttributeValue) int { return strings.Compare(str(x["sk"]), str(y["sk"])) })
	var all []string
	for _, it := range items {
		line := str(it["actor"]) + " " + str(it["action"]) + " " + str(it["object"])
		if detail, ok := it["detail"].(*types.AttributeValueMemberM); ok {
			for _, k := range slices.Sorted(maps.Keys(detail.Value)) {
				line += "; " + k + " " + str(detail.Value[k])
			}
		}
		all = append(all, line)
	}
	return all
}

func str(v types.AttributeValue) string {
	s, _ := v.(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

func (b bench) authenticate(id, secret string) error {
	store := &client.Store{DB: b.DB, Table: b.Table, Now: httpapi.Now}
	_, err := store.Authenticate(b.t.Context(), id, secret)
	return err
}

// itemSize is an upper bound of what DynamoDB counts.
func itemSize(it map[string]types.AttributeValue) int {
	n := 0
	for k, v := range it {
		n += len(k) + valueSize(v)
	}
	return n
}

func valueSize(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return 1 + len(v.Value)
	case *types.AttributeValueMemberN:
		return 1 + len(v.Value)
	case *types.AttributeValueMemberB:
		return 1 + len(v.Value)
	case *types.AttributeValueMemberL:
		n := 3
		for _, e := range v.Value {
			n += 1 + valueSize(e)
		}
		return n
	case *types.AttributeValueMemberM:
		return 3 + itemSize(v.Value)
	}
	return 1
}

// deep replaces the pointers of attribute values by text, to be searched.
func deep(items []map[string]types.AttributeValue) []string {
	var all []string
	var walk func(v types.AttributeValue)
	walk = func(v types.AttributeValue) {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			all = append(all, v.Value)
		case *types.AttributeValueMemberB:
			all = append(all, string(v.Value))
		case *types.AttributeValueMemberL:
			for _, e := range v.Value {
				walk(e)
			}
		case *types.AttributeValueMemberM:
			for k, e := range v.Value {
				all = append(all, k)
				walk(e)
			}
		}
	}
	for _, it := range items {
		walk(&types.AttributeValueMemberM{Value: it})
	}
	return all
}
