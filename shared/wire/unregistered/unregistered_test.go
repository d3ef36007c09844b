package unregistered_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/client/document"
	"github.com/tipstaff/tipstaff/shared/client/metadata"
	"github.com/tipstaff/tipstaff/shared/client/registration"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/oauth"
	"github.com/tipstaff/tipstaff/shared/wire"
	"github.com/tipstaff/tipstaff/shared/wire/unregistered"
)

const documentID = "https://app.example.com/client.json"

func macs(key string) func(context.Context, string) (*keys.MACKey, error) {
	return func(context.Context, string) (*keys.MACKey, error) {
		return &keys.MACKey{ID: "AAAABBBB", Key: []byte(key)}, nil
	}
}

// The two policies of a stage decide which clients are accepted. A function without keys
// accepts those in its own tokens.
func TestStageDecidesWhichClientsAreAccepted(t *testing.T) {
	db, table := enginetest.DB(t)
	now := func(context.Context) time.Time { return time.Now() }
	m := &metadata.Metadata{RedirectURIs: []string{"https://app.example.com/cb"}, Grants: []string{oauth.GrantAuthorizationCode}}
	ids := &registration.IDs{Keys: macs("ours"), Now: now}
	genuine, _, err := ids.Issue(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	ids.Keys = macs("another stage's")
	forged, _, err := ids.Issue(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	kept := &document.Store{DB: db, Table: table(contract.Documents), Now: now}
	if err := kept.Put(t.Context(), documentID, document.Found(m, time.Now(), time.Hour)); err != nil {
		t.Fatal(err)
	}
	env := func(f contract.Function, documents, registration string) *wire.Env {
		values := map[string]string{
			contract.EnvStage: "test", contract.EnvIssuer: "https://auth.example.com", contract.EnvAuditDays: "30",
			contract.EnvClientDocuments: documents, contract.EnvRegistration: registration,
		}
		for _, need := range f.Needs {
			values[need.Resource.Env()] = "none"
		}
		values[contract.Documents.Env()] = table(contract.Documents)
		e, err := wire.From(f, func(name string) string { return values[name] })
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, tt := range []struct {
		documents, registration                   string
		described, registered, forgedIfRecognized bool
	}{
		{"off", "off", false, false, false},
		{"any", "off", true, false, false},
		{"app.example.com", "off", true, false, false},
		{"other.example.com", "off", false, false, false},
		{"off", "token", false, true, true},
		{"off", "open", false, true, true},
	} {
		admitted, recognized := &client.Store{Now: now}, &client.Store{Now: now}
		unregistered.Admit(env(contract.Token, tt.documents, tt.registration), db, admitted, macs("ours"))
		unregistered.Recognize(env(contract.Introspect, tt.documents, tt.registration), db, recognized)
		for _, c := range []struct {
			store *client.Store
			id    string
			known bool
		}{
			{admitted, documentID, tt.described},
			{recognized, documentID, tt.described},
			{admitted, genuine, tt.registered},
			{recognized, genuine, tt.registered},
			{admitted, forged, false},
			{recognized, forged, tt.forgedIfRecognized},
			{recognized, forged[:len(forged)-1], false},
		} {
			got, err := c.store.Client(t.Context(), c.id)
			if known := err == nil; known != c.known || !known && !errors.Is(err, client.ErrUnknown) {
				t.Errorf("documents %s, registration %s: client %.40s = %+v, %v, want it known: %t", tt.documents, tt.registration, c.id, got, err, c.known)
			}
		}
	}
}

// A function that may read the keys must verify client ids.
func TestFunctionWithKeysMustVerifyIDs(t *testing.T) {
	for _, f := range contract.Functions() {
		if !f.Clients || slices.ContainsFunc(f.Needs, func(n contract.Need) bool { return n.Resource == contract.Keys }) {
			continue
		}
		switch f.Name {
		case contract.Introspect.Name: // judges clients of tokens
		case contract.Discovery.Name, contract.ClientDocument.Name: // know no clients
		default:
			t.Errorf("function %s knows clients that registered themselves, and cannot verify their ids", f.Name)
		}
	}
}
