package secrets_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/secrets"
)

func TestEnsureKeepsAnExistingValue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.json")
	var first string
	for i, wantCreated := range []bool{true, false} {
		store, err := secrets.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		created, err := store.Ensure(declared)
		if err != nil || created != wantCreated {
			t.Fatalf("run %d: Ensure = %v, %v; want %v", i, created, err, wantCreated)
		}
		value := get(t, client(t, store), "")
		if i == 0 {
			first = value
		}
		if value != first {
			t.Errorf("run %d: the value is another one than before", i)
		}
	}
	var made struct{ Format, Seed string }
	if err := json.Unmarshal([]byte(first), &made); err != nil || made.Format != "0" || len(made.Seed) != 32 {
		t.Errorf("generated value has format %q and a seed of %d characters (%v), want format 0 and 32", made.Format, len(made.Seed), err)
	}
}

func TestEnsureStoresTheDeclaredValue(t *testing.T) {
	store, _ := open(t)
	for _, tt := range []struct {
		secret cfn.Secret
		want   string
	}{
		{cfn.Secret{Name: "literal", ARN: "arn:l", Value: new("v")}, ""},
		{cfn.Secret{Name: "bare", ARN: "arn:b"}, "ResourceNotFoundException"},
	} {
		if created, err := store.Ensure(tt.secret); err != nil || !created {
			t.Fatalf("Ensure(%s) = %v, %v; want true", tt.secret.Name, created, err)
		}
		_, err := client(t, store).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &tt.secret.Name})
		if code(err) != tt.want {
			t.Errorf("GetSecretValue(%s) = %v, want %q", tt.secret.Name, err, tt.want)
		}
	}
}

func TestPutValueMovesTheLabels(t *testing.T) {
	store, _ := open(t)
	sm := client(t, store)
	old := get(t, sm, "")
	token := "11111111-1111-4111-8111-111111111111"
	put := func(value string, labels ...string) (*secretsmanager.PutSecretValueOutput, error) {
		return sm.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
			SecretId: new(keys), ClientRequestToken: &token, SecretString: &value, VersionStages: labels,
		})
	}
	for i := range 2 {
		out, err := put("second")
		if err != nil || aws.ToString(out.VersionId) != token || !slices.Equal(out.VersionStages, []string{"AWSCURRENT"}) {
			t.Fatalf("PutSecretValue %d = %+v, %v; want version %s as AWSCURRENT", i, out, err, token)
		}
	}
	if now, before := get(t, sm, ""), get(t, sm, "AWSPREVIOUS"); now != "second" || before != old {
		t.Errorf("current and previous = %q, %q; want second and the first value", now, before)
	}
	if _, err := put("other"); code(err) != "ResourceExistsException" {
		t.Errorf("PutSecretValue with a used token = %v, want ResourceExistsException", err)
	}
	token = "22222222-2222-4222-8222-222222222222"
	if _, err := put("third", "AWSPENDING", "blue"); err != nil {
		t.Fatal(err)
	}
	if now, next, blue := get(t, sm, ""), get(t, sm, "AWSPENDING"), get(t, sm, "blue"); now != "second" || next != "third" || blue != "third" {
		t.Errorf("current, pending and blue = %q, %q, %q; want second, third, third", now, next, blue)
	}
	_, err := sm.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: new(declared.ARN), SecretBinary: []byte{0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := sm.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: new(cfn.Local.PartialSecretARN(keys))})
	if err != nil || !slices.Equal(out.SecretBinary, []byte{0, 1}) || out.SecretString != nil {
		t.Errorf("binary value = %v, %v; want [0 1]", out, err)
	}
}

func TestErrorsOfValuesAreThoseOfAWS(t *testing.T) {
	store, _ := open(t)
	sm := client(t, store)
	ctx := t.Context()
	current := ""
	for id := range stages(t, sm) {
		current = id
	}
	get := func(secret string, id, label *string) error {
		_, err := sm.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secret, VersionId: id, VersionStage: label})
		return err
	}
	put := func(in secretsmanager.PutSecretValueInput) error {
		in.SecretId = new(keys)
		_, err := sm.PutSecretValue(ctx, &in)
		return err
	}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"unknown secret", get("nope", nil, nil), "ResourceNotFoundException"},
		{"unknown ARN", get(declared.ARN+"x", nil, nil), "ResourceNotFoundException"},
		{"unknown version", get(keys, new("22222222-2222-4222-8222-222222222222"), nil), "ResourceNotFoundException"},
		{"unknown label", get(keys, nil, new("blue")), "ResourceNotFoundException"},
		{"version with its label", get(keys, &current, new("AWSCURRENT")), ""},
		{"version without the label", get(keys, &current, new("AWSPENDING")), "InvalidRequestException"},
		{"no value", put(secretsmanager.PutSecretValueInput{}), "InvalidParameterException"},
		{"two values", put(secretsmanager.PutSecretValueInput{SecretString: new("a"), SecretBinary: []byte("a")}), "InvalidParameterException"},
		{"short token", put(secretsmanager.PutSecretValueInput{SecretString: new("a"), ClientRequestToken: new("abc")}), "InvalidParameterException"},
	} {
		if got := code(tt.err); got != tt.want {
			t.Errorf("%s = %v, want %q", tt.name, tt.err, tt.want)
		}
	}
	if _, ok := errors.AsType[*types.ResourceNotFoundException](get("nope", nil, nil)); !ok {
		t.Error("the SDK does not see a *types.ResourceNotFoundException")
	}
	_, err := sm.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: new(keys)})
	if code(err) != "UnknownOperationException" {
		t.Errorf("DeleteSecret = %v, want UnknownOperationException", err)
	}
}

func TestLabelMovesOnlyFromItsVersion(t *testing.T) {
	store, _ := open(t)
	sm := client(t, store)
	first, second := "", "22222222-2222-4222-8222-222222222222"
	for id := range stages(t, sm) {
		first = id
	}
	_, err := sm.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: new(keys), SecretString: new("two"), ClientRequestToken: &second, VersionStages: []string{"AWSPENDING"},
	})
	if err != nil {
		t.Fatal(err)
	}
	none := "33333333-3333-4333-8333-333333333333"
	for _, tt := range []struct {
		name, label string
		from, to    *string
		want        string
		stages      map[string][]string
	}{
		{"remove nothing", "AWSPENDING", nil, nil, "InvalidParameterException", nil},
		{"remove AWSCURRENT", "AWSCURRENT", &first, nil, "InvalidParameterException", nil},
		{"move without from", "AWSCURRENT", nil, &second, "InvalidParameterException", nil},
		{"move from the wrong version", "AWSCURRENT", &second, &first, "InvalidParameterException", nil},
		{"move to a missing version", "AWSCURRENT", &first, &none, "ResourceNotFoundException", nil},
		{"move", "AWSCURRENT", &first, &second, "", map[string][]string{first: {"AWSPREVIOUS"}, second: {"AWSPENDING", "AWSCURRENT"}}},
		{"move again", "AWSCURRENT", &first, &second, "InvalidParameterException", nil},
		{"already there", "AWSCURRENT", nil, &second, "", nil},
		{"remove", "AWSPENDING", &second, nil, "", map[string][]string{first: {"AWSPREVIOUS"}, second: {"AWSCURRENT"}}},
		{"move back", "AWSCURRENT", &second, &first, "", map[string][]string{first: {"AWSCURRENT"}, second: {"AWSPREVIOUS"}}},
	} {
		_, err := sm.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
			SecretId: new(keys), VersionStage: &tt.label, RemoveFromVersionId: tt.from, MoveToVersionId: tt.to,
		})
		if code(err) != tt.want {
			t.Errorf("%s = %v, want %q", tt.name, err, tt.want)
		}
		if got := stages(t, sm); tt.stages != nil && !reflect.DeepEqual(got, tt.stages) {
			t.Errorf("%s: labels = %v, want %v", tt.name, got, tt.stages)
		}
	}
}

func TestConcurrentPutsKeepOneCurrentVersion(t *testing.T) {
	store, path := open(t)
	sm := client(t, store)
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			_, err := sm.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: new(keys), SecretString: new("v")})
			if err != nil {
				t.Errorf("PutSecretValue: %v", err)
			}
		})
	}
	wg.Wait()
	labels := map[string]int{}
	for _, of := range stages(t, sm) {
		for _, label := range of {
			labels[label]++
		}
	}
	if want := map[string]int{"AWSCURRENT": 1, "AWSPREVIOUS": 1}; !reflect.DeepEqual(labels, want) {
		t.Errorf("labels after concurrent puts = %v, want %v", labels, want)
	}
	again, err := secrets.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := stages(t, client(t, again)), stages(t, sm); !reflect.DeepEqual(got, want) {
		t.Errorf("labels after reopening = %v, want %v", got, want)
	}
}

func TestListNamesEverySecret(t *testing.T) {
	store, _ := open(t)
	out, err := client(t, store).ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{})
	if err != nil || len(out.SecretList) != 1 {
		t.Fatalf("ListSecrets = %+v, %v; want one secret", out, err)
	}
	if e := out.SecretList[0]; aws.ToString(e.Name) != keys || aws.ToString(e.ARN) != declared.ARN || e.CreatedDate == nil {
		t.Errorf("ListSecrets = %+v, want name, ARN and date of %s", e, keys)
	}
}
