package passkey_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/passkey"
)

func TestListRenameRemove(t *testing.T) {
	b := newBench(t)
	eve := b.AddUser("eve")
	others := b.AddPasskey(eve, b.Authenticator())
	b.Pass(time.Hour)
	second := b.AddPasskey(b.Ada, b.device)
	store := b.party.Store
	all, err := store.List(t.Context(), b.Ada)
	if err != nil || len(all) != 2 || all[0].ID() != b.key.ID() || all[1].ID() != second.ID() {
		t.Fatalf("List = %+v, %v, want ada's two, the oldest first", all, err)
	}
	if err := store.Rename(t.Context(), second, "  my\tkey \u202e ", "r-1"); err != nil {
		t.Fatal(err)
	}
	if k, err := store.Get(t.Context(), b.Ada, second.ID()); err != nil || k.Name != "my key" {
		t.Errorf("Get = %+v, %v, want the new name", k, err)
	}
	if err := store.Rename(t.Context(), second, " ", ""); err != nil {
		t.Fatal(err)
	}
	if k, err := store.Get(t.Context(), b.Ada, second.ID()); err != nil || k.Name != "Passkey" {
		t.Errorf("Get after an empty name = %+v, %v, want it to be called Passkey", k, err)
	}
	before := b.ada()
	if err := store.Remove(t.Context(), before, second, "r-2"); err != nil {
		t.Fatal(err)
	}
	if err := store.Remove(t.Context(), before, b.key, ""); !errors.Is(err, identity.ErrChanged) {
		t.Errorf("Remove in a tab that did not see it = %v, want ErrChanged", err)
	}
	if err := store.Remove(t.Context(), b.ada(), second, ""); !errors.Is(err, passkey.ErrUnknown) {
		t.Errorf("Remove again = %v, want ErrUnknown", err)
	}
	if err := store.Rename(t.Context(), second, "ghost", ""); !errors.Is(err, passkey.ErrUnknown) {
		t.Errorf("Rename of what is gone = %v, want ErrUnknown", err)
	}
	if _, err := store.Get(t.Context(), b.Ada, others.ID()); !errors.Is(err, passkey.ErrUnknown) {
		t.Errorf("Get of eve's passkey as ada's = %v, want ErrUnknown", err)
	}
	if all, err := store.List(t.Context(), b.Ada); err != nil || len(all) != 1 {
		t.Errorf("List = %+v, %v, want the one that is left", all, err)
	}
	for action, want := range map[audit.Action]int{audit.PasskeyAdd: 3, audit.PasskeyRename: 2, audit.PasskeyRemove: 1} {
		if n := b.Entries(action); n != want {
			t.Errorf("the trail has %d %s, want %d", n, action, want)
		}
	}
}

func full() *passkey.Passkey {
	return &passkey.Passkey{
		Subject: "usr_1", Credential: []byte("credential"), Key: []byte("key"), Count: 1<<32 - 1, Flags: 0x1d,
		Transports: []string{"internal"}, AAGUID: make([]byte, 16), Name: "phone",
		Created: time.Unix(1_800_000_000, 0).UTC(), Used: time.Unix(1_800_000_100, 0).UTC(),
	}
}

func TestReadsWhatWasWritten(t *testing.T) {
	want := full()
	if got, err := passkey.Decode(passkey.Encode(want)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Decode(Encode(%+v)) = %+v, %v, want the same", want, got, err)
	}
}

// An item with only its key, the credential and the public key is read, and so is one
// with attributes of a later release.
func TestOldAndNewItems(t *testing.T) {
	whole := passkey.Encode(full())
	it := dynamo.Item{"pk": whole["pk"], "sk": whole["sk"], "cred": whole["cred"], "key": whole["key"], "later": dynamo.Text("x")}
	k, err := passkey.Decode(it)
	if err != nil || k.Name != "Passkey" || k.Count != 0 || k.Synced() || !k.Used.IsZero() || k.Transports != nil {
		t.Errorf("Decode(%v) = %+v, %v, want a passkey of which no more is known", it, k, err)
	}
}

// A damaged item is an error, and never a passkey.
func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		name, attribute string
		value           types.AttributeValue
	}{
		{"no credential", "cred", nil},
		{"another credential", "cred", dynamo.Bytes([]byte("another"))},
		{"no key", "key", nil},
		{"a key that is text", "key", dynamo.Text("key")},
		{"a count below zero", "count", dynamo.Number(-1)},
		{"a count too large", "count", dynamo.Number(1 << 32)},
		{"flags of two bytes", "flags", dynamo.Number(256)},
		{"flags below zero", "flags", dynamo.Number(-1)},
		{"a name that is none", "name", dynamo.Number(1)},
		{"of no user", "pk", dynamo.Text("client#x")},
		{"another kind", "sk", dynamo.Text("linked#x")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			it := passkey.Encode(full())
			if it[tt.attribute] = tt.value; tt.value == nil {
				delete(it, tt.attribute)
			}
			if k, err := passkey.Decode(it); err == nil {
				t.Errorf("Decode = %+v, want an error", k)
			}
		})
	}
}

func TestNamesAreCleanedOrDerived(t *testing.T) {
	long := strings.Repeat("ä", 100)
	for text, want := range map[string]string{
		"phone": "phone", "  my  \n phone\x00 ": "my phone", "\u202egnp.exe": "gnp.exe", "": "", " \t": "",
		"Клавиша 🔑": "Клавиша 🔑", "a\xffb": "ab", long: long[:120],
	} {
		if got := passkey.CleanName(text); got != want {
			t.Errorf("CleanName(%q) = %q, want %q", text, got, want)
		}
	}
	tests := []struct {
		passkey passkey.Passkey
		device  string
		want    string
	}{
		{passkey.Passkey{}, "", "Passkey"},
		{passkey.Passkey{AAGUID: make([]byte, 16)}, "Firefox on Linux", "Firefox on Linux"},
		{passkey.Passkey{Transports: []string{"usb", "nfc"}}, "Firefox on Linux", "Security key"},
		{passkey.Passkey{Transports: []string{"internal", "hybrid", "usb"}}, "Safari on iPhone", "Safari on iPhone"},
		{passkey.Passkey{AAGUID: []byte("ProtonPassProton")}, "Firefox on Linux", "Proton Pass"},
	}
	for _, tt := range tests {
		if got := passkey.DefaultName(&tt.passkey, tt.device); got != tt.want {
			t.Errorf("DefaultName(%+v, %q) = %q, want %q", tt.passkey, tt.device, got, tt.want)
		}
	}
}
