package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// environment is that of a function whose DynamoDB is at url, which is AWS's own
// when it is empty.
func environment(t *testing.T, url string) *wire.Env {
	t.Helper()
	values := map[string]string{
		contract.EnvStage: "test", contract.EnvIssuer: "https://auth.example.com", contract.Registry.Env(): "registry",
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "session",
		"AWS_ENDPOINT_URL_DYNAMODB": url,
	}
	e, err := wire.From(contract.JWKS, func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// An exchange is a request that arrived, and the answer to it.
type exchange struct {
	header http.Header
	body   map[string]any
	status int
	answer string
}

// table answers the requests of a test one after the other.
func table(t *testing.T, answers ...*exchange) *dynamodb.Client {
	t.Helper()
	var n int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := answers[n]
		n++
		x.header = r.Header
		if err := json.NewDecoder(r.Body).Decode(&x.body); err != nil {
			t.Errorf("body of a request: %v", err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.Header().Set("X-Amzn-Requestid", "REQUEST")
		w.WriteHeader(x.status)
		_, _ = w.Write([]byte(x.answer))
	}))
	t.Cleanup(func() {
		server.Close()
		if n != len(answers) {
			t.Errorf("%d requests came, want %d", n, len(answers))
		}
	})
	return Client(environment(t, server.URL))
}

func failed(code, more string) *exchange {
	return &exchange{status: http.StatusBadRequest, answer: `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"no"` + more + `}`}
}

// A request has the headers that DynamoDB asks for, all signed, and no others.
func TestRequestCarriesWhatIsSigned(t *testing.T) {
	x := &exchange{status: 200, answer: `{}`}
	if _, err := table(t, x).ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range x.header {
		names = append(names, name)
	}
	slices.Sort(names)
	want := "Amz-Sdk-Request Authorization Content-Length Content-Type User-Agent X-Amz-Date X-Amz-Security-Token X-Amz-Target"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("headers = %s, want %s", got, want)
	}
	const signed = "SignedHeaders=amz-sdk-request;content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
	if got := x.header.Get("Authorization"); !strings.HasPrefix(got, "AWS4-HMAC-SHA256 Credential=a/") || !strings.Contains(got, "/eu-central-1/dynamodb/aws4_request, "+signed) {
		t.Errorf("Authorization = %s, want %s signed for DynamoDB", got, signed)
	}
}

// The attempts of a transaction have one token, by which DynamoDB knows that they
// are one.
func TestTransactionIsTriedAgainUnderOneToken(t *testing.T) {
	first, second := failed("ProvisionedThroughputExceededException", ""), &exchange{status: 200, answer: `{}`}
	_, err := table(t, first, second).TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{{Put: &types.Put{TableName: new("t"), Item: map[string]types.AttributeValue{}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	token, _ := first.body["ClientRequestToken"].(string)
	if token == "" || second.body["ClientRequestToken"] != token {
		t.Errorf("tokens = %q, %v, want the same one twice", token, second.body["ClientRequestToken"])
	}
}

// A condition that fails is tried once, and brings the item on which it failed.
func TestFailedConditionBringsTheItem(t *testing.T) {
	x := failed("ConditionalCheckFailedException", `,"Item":{"gen":{"N":"7"}}`)
	_, err := table(t, x).DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: new("t"), Key: map[string]types.AttributeValue{},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	failure, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok || x.body["ReturnValuesOnConditionCheckFailure"] != "ALL_OLD" {
		t.Fatalf("DeleteItem = %v of %v, want a failed condition with the old item", err, x.body)
	}
	if gen, ok := failure.Item["gen"].(*types.AttributeValueMemberN); !ok || gen.Value != "7" {
		t.Errorf("item = %v, want that of the answer", failure.Item)
	}
	if !strings.Contains(err.Error(), "REQUEST") {
		t.Errorf("error = %v, want the id of the request in it", err)
	}
}

// Without an endpoint in the environment it is AWS's for the region, the same for
// every call.
func TestEndpointIsResolvedOnce(t *testing.T) {
	resolver := Client(environment(t, "")).Options().EndpointResolverV2
	p := dynamodb.EndpointParameters{Region: new("eu-central-1")}.WithDefaults()
	for range 2 {
		got, err := resolver.ResolveEndpoint(context.Background(), p)
		if err != nil || got.URI.String() != "https://dynamodb.eu-central-1.amazonaws.com" {
			t.Fatalf("endpoint = %v, %v, want that of the region", got.URI, err)
		}
		p.Region = new("us-east-1") // which no call of the client does
	}
	broken := Client(environment(t, "")).Options().EndpointResolverV2
	if _, err := broken.ResolveEndpoint(context.Background(), dynamodb.EndpointParameters{}.WithDefaults()); err == nil {
		t.Error("an endpoint without a region")
	}
	if got, err := broken.ResolveEndpoint(context.Background(), p); err != nil || !strings.Contains(got.URI.Host, "us-east-1") {
		t.Errorf("endpoint after a failure = %v, %v, want one", got.URI, err)
	}
}
