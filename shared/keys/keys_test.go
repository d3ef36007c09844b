package keys_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/oauth"
)

var born = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func generate(t *testing.T) *keys.Document {
	t.Helper()
	d, err := keys.Generate(born)
	if err != nil {
		t.Fatalf("Generate: %v", err)
	}
	return d
}

func states(d *keys.Document, alg string) string {
	var all []string
	for _, k := range d.Signing {
		if k.Algorithm == alg {
			all = append(all, string(k.State))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestFirstKeysSurviveTheSecret(t *testing.T) {
	d := generate(t)
	data, err := d.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := keys.Parse(data)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	if err := read.Test(); err != nil {
		t.Errorf("Test: %v", err)
	}
	for _, alg := range keys.Algorithms {
		if got := states(read, alg); got != "active next" {
			t.Errorf("keys for %s are %q, want active and next", alg, got)
		}
	}
	if len(read.MAC) != 1 || read.MAC[0].State != keys.Active || len(read.MAC[0].Key) != 32 {
		t.Errorf("MAC ring = %d keys, want one active of 32 bytes", len(read.MAC))
	}
}

func TestRotationMovesEveryKeyOneStep(t *testing.T) {
	first := generate(t)
	before, _ := first.Active(oauth.ES256)
	second, err := first.Advance(born.Add(keys.CacheLife))
	if err != nil {
		t.Fatalf("Advance: %v", err)
	}
	for _, alg := range keys.Algorithms {
		if got := states(second, alg); got != "active next retiring" {
			t.Errorf("after one rotation keys for %s are %q", alg, got)
		}
	}
	after, _ := second.Active(oauth.ES256)
	if after.ID == before.ID {
		t.Errorf("the active key is still %s", after.ID)
	}
	if got := states(first, oauth.ES256); got != "active next" {
		t.Errorf("the document before is now %q", got)
	}
	if err := second.Test(); err != nil {
		t.Errorf("Test: %v", err)
	}
	if len(second.MAC) != 2 {
		t.Errorf("MAC ring = %d keys, want the old one kept", len(second.MAC))
	}
	third, err := second.Advance(born.Add(90 * 24 * time.Hour))
	if err != nil {
		t.Fatalf("Advance after 90 days: %v", err)
	}
	if got := states(third, oauth.RS256); got != "active next retiring" {
		t.Errorf("after 90 days keys are %q, want the oldest gone", got)
	}
}

// Every key that may still verify a token is published, from CacheLife before it
// signs until the last token that it signed has expired in every cache.
func TestEveryTokenFindsItsKey(t *testing.T) {
	d := generate(t)
	type signed struct {
		kid string
		at  time.Time
	}
	var tokens []signed
	publishedAt := map[time.Time][]string{}
	for now := born; now.Before(born.Add(20 * 24 * time.Hour)); now = now.Add(30 * time.Minute) {
		if now.Sub(born)%(5*24*time.Hour) == 0 && now.After(born) {
			next, err := d.Advance(now)
			if err != nil {
				t.Fatalf("Advance at %v: %v", now, err)
			}
			d = next
		}
		k, err := d.Active(oauth.ES256)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, signed{k.ID, now})
		publics, err := d.Public()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range keys.Published(publics, now) {
			publishedAt[now] = append(publishedAt[now], p.ID)
		}
	}
	for _, tok := range tokens {
		for age := time.Duration(0); age <= keys.MaxTokenLife; age += 30 * time.Minute {
			for cached := time.Duration(0); cached <= keys.CacheLife; cached += 30 * time.Minute {
				fetched := tok.at.Add(age - cached)
				set, ok := publishedAt[fetched]
				if ok && !slices.Contains(set, tok.kid) {
					t.Fatalf("key %s signed at %v; the set fetched at %v lacks it", tok.kid, tok.at, fetched)
				}
			}
		}
	}
}

func TestRotationComesTooEarly(t *testing.T) {
	d := generate(t)
	_, err := d.Advance(born.Add(keys.CacheLife - time.Second))
	early, ok := errors.AsType[*keys.EarlyError](err)
	if !ok || !early.Until.Equal(born.Add(keys.CacheLife)) {
		t.Fatalf("Advance = %v, want an EarlyError until %v", err, born.Add(keys.CacheLife))
	}
	now := born
	for range 10 {
		now = now.Add(keys.CacheLife)
		next, err := d.Advance(now)
		if err != nil {
			if early, ok := errors.AsType[*keys.EarlyError](err); !ok || !early.Until.After(now) {
				t.Errorf("Advance at %v = %v, want an EarlyError with a later time", now, err)
			}
			return
		}
		d = next
		publics, _ := d.Public()
		if n := len(keys.Published(publics, now)); n > 10 {
			t.Fatalf("%d keys are published, a load balancer takes 10", n)
		}
	}
	t.Error("ten rotations in a row went through")
}

func TestParseRefuses(t *testing.T) {
	good, _ := generate(t).Marshal()
	withoutActive := strings.ReplaceAll(string(good), `"active"`, `"retiring"`)
	tests := []struct {
		name, data string
		unborn     bool
	}{
		{name: "new secret", data: `{"format":"tipstaff-keys/0","seed":"x"}`, unborn: true},
		{name: "not JSON", data: `hunter2`},
		{name: "another format", data: `{"format":"tipstaff-keys/9"}`},
		{name: "no keys", data: `{"format":"tipstaff-keys/1"}`},
		{name: "no active key", data: withoutActive},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := keys.Parse([]byte(tt.data))
			if err == nil || d != nil || errors.Is(err, keys.ErrUnborn) != tt.unborn {
				t.Errorf("Parse = %v, %v, want an error, unborn %v", d, err, tt.unborn)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error %q quotes the secret", err)
			}
		})
	}
}

func TestKeyOfAnotherKindIsRefused(t *testing.T) {
	d := generate(t)
	es, _ := d.Active(oauth.ES256)
	rs, _ := d.Active(oauth.RS256)
	mixed := &keys.Key{ID: "x", Algorithm: oauth.ES256, PKCS8: rs.PKCS8}
	if _, err := mixed.Signer(); err == nil {
		t.Error("an RSA key signs ES256")
	}
	junk := &keys.Key{ID: "x", Algorithm: oauth.ES256, PKCS8: es.PKCS8[:20]}
	if _, err := junk.Signer(); err == nil {
		t.Error("a truncated key signs")
	}
}

func TestSetIsPublic(t *testing.T) {
	publics, err := generate(t).Public()
	if err != nil {
		t.Fatal(err)
	}
	data, err := keys.Set(keys.Published(publics, born))
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(data, &set); err != nil || len(set.Keys) != 4 {
		t.Fatalf("set = %s, %v, want 4 keys", data, err)
	}
	for _, k := range set.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if _, ok := k[private]; ok {
				t.Errorf("key %v carries the private member %s", k["kid"], private)
			}
		}
		if k["use"] != "sig" || k["kid"] == "" || k["alg"] == nil {
			t.Errorf("key = %v, want kid, use and alg", k)
		}
	}
}
