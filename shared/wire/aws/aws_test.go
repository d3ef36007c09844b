package aws

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/wire"
)

// The roots are Amazon's, and each is valid for longer than this code may run.
func TestRootsAreAmazons(t *testing.T) {
	names := map[string]bool{
		"Amazon Root CA 1": false, "Amazon Root CA 2": false, "Amazon Root CA 3": false, "Amazon Root CA 4": false,
		"Starfield Services Root Certificate Authority - G2": false,
	}
	for rest := rootsPEM; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		root, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := names[root.Subject.CommonName]; !ok {
			t.Errorf("roots.pem holds %q, which is not Amazon's", root.Subject.CommonName)
		}
		names[root.Subject.CommonName] = true
		if !root.IsCA || time.Until(root.NotAfter) < 5*365*24*time.Hour {
			t.Errorf("root %q ends %s", root.Subject.CommonName, root.NotAfter)
		}
		if err := root.CheckSignatureFrom(root); err != nil {
			t.Errorf("root %q is not signed by itself: %v", root.Subject.CommonName, err)
		}
	}
	for name, found := range names {
		if !found {
			t.Errorf("roots.pem lacks %q", name)
		}
	}
}

// A server with a certificate that Amazon did not sign is refused.
func TestForeignCertificateIsRefused(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	address := server.Listener.Addr().String()
	if conn, err := dialTLS(context.Background(), "tcp", address); err == nil {
		_ = conn.Close()
		t.Error("a certificate without a trusted issuer was accepted")
	} else if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("dial = %v, want an unknown authority", err)
	}
	trusted := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	conn, err := dialer(trusting(trusted)).DialContext(context.Background(), "tcp", address)
	if err != nil {
		t.Fatalf("dial with the root of the server: %v", err)
	}
	_ = conn.Close()
}

// A throttled call is tried three times and counted each time. It ends well before a
// handler's deadline.
func TestThrottledCallIsTriedThreeTimes(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow"}`))
	}))
	defer server.Close()
	values := map[string]string{
		contract.EnvStage: "test", contract.EnvIssuer: "https://auth.example.com", contract.Registry.Env(): "registry",
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL_DYNAMODB": server.URL,
	}
	env, err := wire.From(contract.JWKS, func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	db := dynamodb.NewFromConfig(Config(env), func(o *dynamodb.Options) { o.BaseEndpoint = Endpoint(env, "DYNAMODB") })
	ctx, cancel := context.WithTimeout(context.Background(), contract.JWKS.Timeout-contract.Grace)
	defer cancel()
	_, err = db.ListTables(ctx, &dynamodb.ListTablesInput{})
	if err == nil || !strings.Contains(err.Error(), "ProvisionedThroughputExceeded") || ctx.Err() != nil {
		t.Errorf("ListTables = %v, deadline %v, want the throttle itself", err, ctx.Err())
	}
	if n := env.Calls.Load(); n != attempts {
		t.Errorf("calls = %d, want %d", n, attempts)
	}
}
