package secrets_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/secrets"
)

func TestGenerate(t *testing.T) {
	tests := []struct {
		name   string
		rule   cfn.Generate
		length int
		// each is a list of kinds of which the value has at least one
		// character; only lists all characters that it may have.
		each []string
		only string
	}{
		{
			name: "defaults", length: 32,
			each: []string{"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
		},
		{
			name: "digits only", rule: cfn.Generate{ExcludeLowercase: true, ExcludeUppercase: true, ExcludePunctuation: true, PasswordLength: 8},
			length: 8, only: "0123456789",
		},
		{
			name: "excluded characters", rule: cfn.Generate{ExcludeLowercase: true, ExcludeUppercase: true, ExcludePunctuation: true, ExcludeCharacters: "02468", PasswordLength: 64},
			length: 64, only: "13579",
		},
		{
			name: "each kind of a short one", rule: cfn.Generate{PasswordLength: 5, IncludeSpace: true}, length: 5,
			each: []string{"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", " "},
		},
		{name: "not each kind", rule: cfn.Generate{PasswordLength: 1, RequireEachIncludedType: new(false)}, length: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seen := map[string]bool{}
			for range 5 {
				value := made(t, tt.rule)
				if len(value) != tt.length {
					t.Fatalf("value %q has %d characters, want %d", value, len(value), tt.length)
				}
				for _, kind := range tt.each {
					if !strings.ContainsAny(value, kind) {
						t.Errorf("value %q has none of %q", value, kind)
					}
				}
				if tt.only != "" && strings.Trim(value, tt.only) != "" {
					t.Errorf("value %q has others than %q", value, tt.only)
				}
				seen[value] = true
			}
			if len(seen) < 2 {
				t.Error("5 generated values are all the same")
			}
		})
	}
}

// made is the value that a new secret with this rule gets.
func made(t *testing.T, rule cfn.Generate) string {
	t.Helper()
	store, err := secrets.Open(filepath.Join(t.TempDir(), "secrets.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Ensure(cfn.Secret{Name: keys, ARN: declared.ARN, Generate: &rule}); err != nil {
		t.Fatal(err)
	}
	return get(t, client(t, store), "")
}

func TestGenerateRefuses(t *testing.T) {
	store, _ := open(t)
	for name, rule := range map[string]cfn.Generate{
		"nothing left":         {ExcludeLowercase: true, ExcludeUppercase: true, ExcludeNumbers: true, ExcludePunctuation: true},
		"too short":            {PasswordLength: 3},
		"template without key": {SecretStringTemplate: "{}"},
		"key without template": {GenerateStringKey: "seed"},
		"template of no JSON":  {SecretStringTemplate: "x", GenerateStringKey: "seed"},
	} {
		if created, err := store.Ensure(cfn.Secret{Name: name, ARN: "arn:" + name, Generate: &rule}); err == nil {
			t.Errorf("Ensure with %s = %v, want an error", name, created)
		}
	}
}
