package iam_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tipstaff/tipstaff/shared/local/iam"
)

// forgery is an attempt to call in the name of function a. tamper changes the request
// after it was signed with the credentials.
type forgery struct {
	name        string
	credentials iam.Credentials
	tamper      func(*http.Request)
	want        string
}

// forgeries returns the attempts of an attacker who has the credentials of b, and
// knows the access key and the token of a.
func forgeries(a, b iam.Credentials) []forgery {
	with := func(edit func(*iam.Credentials)) iam.Credentials {
		c := a
		edit(&c)
		return c
	}
	authorization := func(old, replacement string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, replacement, 1))
		}
	}
	return []forgery{
		{"unknown key", with(func(c *iam.Credentials) { c.AccessKeyID = "ASIAUNKNOWN" }), nil, "UnrecognizedClientException"},
		{"token of another function", with(func(c *iam.Credentials) { c.SessionToken = b.SessionToken }), nil, "UnrecognizedClientException"},
		{"no token", with(func(c *iam.Credentials) { c.SessionToken = "" }), nil, "UnrecognizedClientException"},
		{"wrong secret", with(func(c *iam.Credentials) { c.SecretAccessKey = b.SecretAccessKey }), nil, "InvalidSignatureException"},
		{"key of another function", b, func(r *http.Request) {
			authorization(b.AccessKeyID, a.AccessKeyID)(r)
			r.Header.Set("X-Amz-Security-Token", a.SessionToken)
		}, "InvalidSignatureException"},
		{"no authorization", a, func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException"},
		{"other scheme", a, func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, "IncompleteSignatureException"},
		{"no signature", a, authorization("Signature=", "Sign="), "IncompleteSignatureException"},
		{"short scope", a, authorization("/aws4_request", ""), "IncompleteSignatureException"},
		{"other operation", a, func(r *http.Request) { r.Header.Set("X-Amz-Target", dynamoTarget+"DeleteItem") }, "InvalidSignatureException"},
		{"other date", a, func(r *http.Request) { r.Header.Set("X-Amz-Date", "20200101T000000Z") }, "InvalidSignatureException"},
		{"no date", a, func(r *http.Request) { r.Header.Del("X-Amz-Date") }, "InvalidSignatureException"},
		{"other region", a, authorization("us-east-1", "eu-west-1"), "InvalidSignatureException"},
		{"operation not signed", a, authorization(";x-amz-target", ""), "InvalidSignatureException"},
		{"other body", a, func(r *http.Request) {
			// A body of the SDK is in memory: reading it cannot fail.
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte("creds"), []byte("other"), 1)))
		}, "InvalidSignatureException"},
		{"genuine", a, nil, ""},
	}
}

func TestForgedSignatureIsRefusedAsOnAWS(t *testing.T) {
	s := newStack(t, function("a", statement(orders, "dynamodb:GetItem")), function("b", `[]`))
	a, err := s.Credentials("a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Credentials("b")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range forgeries(a, b) {
		t.Run(tt.name, func(t *testing.T) {
			options := dbWith(s.url, static(tt.credentials)).Options()
			options.Retryer = aws.NopRetryer{}
			options.HTTPClient = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if tt.tamper != nil {
					tt.tamper(r)
				}
				return http.DefaultTransport.RoundTrip(r)
			})}
			_, err := dynamodb.New(options).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new(orders), Key: key("creds", "x")})
			if code(err) != tt.want {
				t.Errorf("GetItem = %v, want %q", err, tt.want)
			}
		})
	}
	for _, r := range s.Report().Refused {
		if r.Function != "" {
			t.Errorf("refusal %+v is put down to a function that did not call", r)
		}
	}
}

func TestEachFunctionHasItsOwnCredentials(t *testing.T) {
	s := newStack(t, function("a", `[]`), function("b", `[]`))
	a, errA := s.Credentials("a")
	b, errB := s.Credentials("b")
	if errA != nil || errB != nil || a.AccessKeyID == b.AccessKeyID || a.SecretAccessKey == b.SecretAccessKey || a.SessionToken == b.SessionToken {
		t.Errorf("Credentials of a and b share something or fail: %v, %v", errA, errB)
	}
	if again, err := s.Credentials("a"); again != a || err != nil {
		t.Errorf("Credentials(a) differ the second time (%v)", err)
	}
	if _, err := s.Credentials("c"); !errors.Is(err, iam.ErrUnknownFunction) {
		t.Errorf("Credentials(c) = %v, want ErrUnknownFunction", err)
	}
}

func TestRequestWithoutASignatureIsRefused(t *testing.T) {
	s := newStack(t)
	for _, method := range []string{"GET", "POST", "PUT"} {
		r, err := http.NewRequestWithContext(t.Context(), method, s.url+"/any?x=1", strings.NewReader("{"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusBadRequest || !bytes.Contains(body, []byte("#MissingAuthenticationTokenException")) {
			t.Errorf("%s = %d %s %v, want 400 MissingAuthenticationTokenException", method, resp.StatusCode, body, err)
		}
	}
}

// A request can have two targets under one valid signature.
func TestEndpointGetsOnlyTheJudgedTarget(t *testing.T) {
	var seen []string
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = r.Header.Values("X-Amz-Target")
	}))
	defer endpoint.Close()
	w, err := iam.New(iam.Config{
		Stage:    stageOf(function("f", statement(orders, "dynamodb:GetItem"))),
		DynamoDB: endpoint.URL, SecretsManager: endpoint.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	db := serve(t, w).db(t, "f")
	// The endpoint answers nothing. The test is about what arrived there.
	_, _ = db.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: new(orders), Key: key("two", "x")}, func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue("X-Amz-Target", dynamoTarget+"DeleteItem"))
	})
	if want := []string{dynamoTarget + "GetItem"}; !slices.Equal(seen, want) {
		t.Errorf("the endpoint sees the targets %q, want %q", seen, want)
	}
}
