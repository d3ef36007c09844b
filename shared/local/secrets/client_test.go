package secrets_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/secrets"
)

const keys = "shop/keys"

var declared = cfn.Secret{
	Name: keys, ARN: cfn.Local.SecretARN(keys),
	Generate: &cfn.Generate{SecretStringTemplate: `{"format":"0"}`, GenerateStringKey: "seed"},
}

// open opens a store with the declared secret, in a separate folder.
func open(t *testing.T) (store *secrets.Store, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "secrets.json")
	store, err := secrets.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Ensure(declared); err != nil {
		t.Fatal(err)
	}
	return store, path
}

// client returns a client of the SDK that talks to the store.
func client(t *testing.T, store *secrets.Store) *secretsmanager.Client {
	t.Helper()
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	return secretsmanager.New(secretsmanager.Options{
		Region: cfn.Local.Region, BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "any", SecretAccessKey: "any"}, nil
		}),
	})
}

// get returns the value with a label, or the current one.
func get(t *testing.T, sm *secretsmanager.Client, label string) string {
	t.Helper()
	in := &secretsmanager.GetSecretValueInput{SecretId: new(keys)}
	if label != "" {
		in.VersionStage = &label
	}
	out, err := sm.GetSecretValue(t.Context(), in)
	if err != nil {
		t.Fatalf("GetSecretValue(%q): %v", label, err)
	}
	return aws.ToString(out.SecretString)
}

// stages returns the labels of each version.
func stages(t *testing.T, sm *secretsmanager.Client) map[string][]string {
	t.Helper()
	out, err := sm.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: new(keys)})
	if err != nil {
		t.Fatal(err)
	}
	return out.VersionIdsToStages
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
