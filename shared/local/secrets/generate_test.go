package secrets_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/secrets"
)

func TestGeneratedPasswordHasEveryKindOfCharacter(t *testing.T) {
	seen := map[string]bool{}
	for range 5 {
		store, err := secrets.Open(filepath.Join(t.TempDir(), "secrets.json"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Ensure(declared); err != nil {
			t.Fatal(err)
		}
		var made struct{ Format, Seed string }
		if err := json.Unmarshal([]byte(get(t, client(t, store), "")), &made); err != nil || made.Format != "0" || len(made.Seed) != 32 {
			t.Fatalf("the generated value has format %q and the seed %q (%v), want format 0 and 32 characters", made.Format, made.Seed, err)
		}
		for _, kind := range []string{
			"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
		} {
			if !strings.ContainsAny(made.Seed, kind) {
				t.Errorf("the seed %q has none of %q", made.Seed, kind)
			}
		}
		seen[made.Seed] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d of 5 generated seeds are different", len(seen))
	}
}

func TestTemplateThatIsNoObjectIsRefused(t *testing.T) {
	store, _ := open(t)
	for _, template := range []string{"", "x", "[]", "null"} {
		rule := cfn.Generate{SecretStringTemplate: template, GenerateStringKey: "seed"}
		if created, err := store.Ensure(cfn.Secret{Name: "new", ARN: "arn:new", Generate: &rule}); err == nil {
			t.Errorf("Ensure with the template %q = %v, want an error", template, created)
		}
	}
}
