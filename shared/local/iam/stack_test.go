package iam_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/engine"
	"github.com/tipstaff/tipstaff/shared/local/iam"
	"github.com/tipstaff/tipstaff/shared/local/secrets"
)

// These are the tables and the secret of the tests. All tests of the binary share the
// engine, so every test uses its own keys.
const (
	orders  = "wall-orders"
	stock   = "wall-stock"
	keyName = "wall/key"
)

// start starts the engine of this test binary and creates the tables.
var start = sync.OnceValues(func() (string, error) {
	ctx := context.Background()
	e, err := engine.Start(ctx, engine.Options{})
	if err != nil {
		return "", err
	}
	db := engine.Client(e.URL())
	for _, name := range []string{orders, stock} {
		table := contract.Table{PartitionKey: "pk", SortKey: "sk", Indexes: []contract.Index{{Name: "by_day", PartitionKey: "day", SortKey: "sk"}}}
		if err := engine.CreateTable(ctx, db, table, name); err != nil {
			return "", err
		}
	}
	return e.URL(), nil
})

// stack is a wall in front of a real engine and a real store of secrets.
type stack struct {
	*iam.Wall
	url    string
	engine string
}

// function returns a function with these statements in its role.
func function(name, statements string) cfn.Function {
	role := cfn.Role{Name: name + "-role", ARN: cfn.Local.RoleARN(name + "-role"), Policies: policy(statements)}
	return cfn.Function{Name: name, ARN: cfn.Local.FunctionARN(name), Role: role}
}

// statement returns a statement that allows actions on an ARN or a table.
func statement(resource string, actions ...string) string {
	if resource[:4] != "arn:" {
		resource = cfn.Local.TableARN(resource)
	}
	list := ""
	for i, action := range actions {
		if i > 0 {
			list += ","
		}
		list += fmt.Sprintf("%q", action)
	}
	return fmt.Sprintf(`{"Effect":"Allow","Action":[%s],"Resource":%q}`, list, resource)
}

func newStack(tb testing.TB, functions ...cfn.Function) *stack {
	tb.Helper()
	url, err := start()
	if err != nil {
		tb.Fatalf("start the engine: %v", err)
	}
	store, err := secrets.Open(filepath.Join(tb.TempDir(), "secrets.json"))
	if err != nil {
		tb.Fatal(err)
	}
	secret := cfn.Secret{Name: keyName, ARN: cfn.Local.SecretARN(keyName), Value: new("the value")}
	if _, err := store.Ensure(secret); err != nil {
		tb.Fatal(err)
	}
	sm := httptest.NewServer(store)
	tb.Cleanup(sm.Close)
	w, err := iam.New(iam.Config{
		Stage:    &cfn.Stage{Place: cfn.Local, Functions: functions, Secrets: []cfn.Secret{secret}},
		DynamoDB: url, SecretsManager: sm.URL, Capacity: true,
	})
	if err != nil {
		tb.Fatal(err)
	}
	s := serve(tb, w)
	s.engine = url
	return s
}

func stageOf(functions ...cfn.Function) *cfn.Stage {
	return &cfn.Stage{Place: cfn.Local, Functions: functions}
}

func serve(tb testing.TB, w *iam.Wall) *stack {
	tb.Helper()
	server := httptest.NewServer(w)
	tb.Cleanup(func() {
		server.Close()
		w.Close()
	})
	return &stack{Wall: w, url: server.URL}
}

// provider returns the credentials of a function for the SDK.
func (s *stack) provider(tb testing.TB, function string) aws.CredentialsProvider {
	tb.Helper()
	c, err := s.Credentials(function)
	if err != nil {
		tb.Fatal(err)
	}
	return static(c)
}

func static(c iam.Credentials) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}, nil
	})
}

// db returns the DynamoDB client of a function.
func (s *stack) db(tb testing.TB, function string) *dynamodb.Client {
	tb.Helper()
	return dbWith(s.url, s.provider(tb, function))
}

func dbWith(url string, credentials aws.CredentialsProvider) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: cfn.Local.Region, BaseEndpoint: &url, Credentials: credentials,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 3, time.Millisecond }),
	})
}

func (s *stack) sm(tb testing.TB, function string) *secretsmanager.Client {
	tb.Helper()
	return secretsmanager.New(secretsmanager.Options{
		Region: cfn.Local.Region, BaseEndpoint: &s.url, Credentials: s.provider(tb, function), RetryMaxAttempts: 1,
	})
}

type item = map[string]types.AttributeValue

// at returns an item with this key and a day.
func at(pk, sk string) item {
	return item{
		"pk":  &types.AttributeValueMemberS{Value: pk},
		"sk":  &types.AttributeValueMemberS{Value: sk},
		"day": &types.AttributeValueMemberS{Value: "monday"},
	}
}

func key(pk, sk string) item {
	k := at(pk, sk)
	delete(k, "day")
	return k
}

// code returns the type of an error of AWS. It is empty when err is nil.
func code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return err.Error()
}

// roundTripper is a function that is an [http.RoundTripper].
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
