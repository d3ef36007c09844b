package onetime_test

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/onetime"
	"github.com/tipstaff/tipstaff/shared/local/enginetest"
	"github.com/tipstaff/tipstaff/shared/opaque"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// bench is a store over real tables, with a clock that tests move.
type bench struct {
	*onetime.Store
	t   *testing.T
	now time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db, name := enginetest.DB(t)
	b := &bench{t: t, now: noon}
	clock := func(context.Context) time.Time { return b.now }
	b.Store = &onetime.Store{
		DB: db, Sessions: name(contract.Sessions), Now: clock,
		Trail: &audit.Trail{Table: name(contract.Audit), Days: 30, Now: clock},
	}
	return b
}

var ann = &identity.User{Subject: "usr_ann", UserName: "ann", AuthGen: 3}

func (b *bench) create(n onetime.New) (*onetime.Link, string) {
	b.t.Helper()
	t, text, err := b.Create(b.t.Context(), n)
	if err != nil {
		b.t.Fatal(err)
	}
	return t, text
}

func (b *bench) wants(text string, kind onetime.Kind, want error) *onetime.Link {
	b.t.Helper()
	t, err := b.Open(b.t.Context(), text, kind)
	if !errors.Is(err, want) {
		b.t.Errorf("Open(%.12s…, %s) at %s = %v, %v, want %v", text, kind, b.now.Format(time.TimeOnly), t, err, want)
	}
	return t
}

func (b *bench) use(t *onetime.Link) error {
	return (dynamo.Tx{t.Use(b.t.Context())}).Run(b.t.Context(), b.DB)
}

func TestRecover(t *testing.T) {
	b := newBench(t)
	made, text := b.create(onetime.New{Kind: onetime.Recover, User: ann, ResetOTP: true, Actor: "operator"})
	if !strings.HasPrefix(text, "tsl_") || made.Expires != noon.Add(30*time.Minute) {
		t.Errorf("link = %.4s… until %v, want tsl_ and half an hour", text, made.Expires)
	}
	for range 3 { // looking uses nothing up
		got := b.wants(text, onetime.Recover, nil)
		if got.ID != made.ID || got.Subject != ann.Subject || got.AuthGen != 3 || !got.ResetOTP || got.Actor != "operator" || got.Expires != made.Expires || got.Created != noon {
			t.Errorf("Open = %+v, want %+v", got, made)
		}
	}
	if err := b.use(made); err != nil {
		t.Fatal(err)
	}
	b.wants(text, onetime.Recover, onetime.ErrUsed)
	if err := b.use(made); err == nil {
		t.Error("the link was used twice")
	}
}

func TestInvite(t *testing.T) {
	b := newBench(t)
	made, text := b.create(onetime.New{
		Kind: onetime.Invite, UserName: "bob", Name: "Bob", Email: "bob@example.com", EmailVerified: true, Actor: "operator",
	})
	if made.Expires != noon.Add(7*24*time.Hour) || !strings.HasPrefix(made.Subject, identity.SubjectPrefix) {
		t.Errorf("invitation of %q until %v, want a new subject and a week", made.Subject, made.Expires)
	}
	got := b.wants(text, onetime.Invite, nil)
	if got.Subject != made.Subject || got.UserName != "bob" || got.Name != "Bob" || got.Email != "bob@example.com" || !got.EmailVerified || got.ResetOTP {
		t.Errorf("Open = %+v, want %+v", got, made)
	}
	_, text = b.create(onetime.New{Kind: onetime.Invite, EmailVerified: true, Life: 24 * time.Hour})
	if got := b.wants(text, onetime.Invite, nil); got.EmailVerified || got.Expires != noon.Add(24*time.Hour) {
		t.Errorf("Open = %+v, want no address that is verified, for a day", got)
	}
}

func TestCreateRefuses(t *testing.T) {
	b := newBench(t)
	for name, n := range map[string]onetime.New{
		"no kind":                      {User: ann},
		"recovery without a user":      {Kind: onetime.Recover},
		"recovery for long":            {Kind: onetime.Recover, User: ann, Life: time.Hour},
		"invitation of a user":         {Kind: onetime.Invite, User: ann},
		"invitation for too long":      {Kind: onetime.Invite, Life: onetime.MaxInviteLife + time.Second},
		"invitation before it is made": {Kind: onetime.Invite, Life: -time.Second},
	} {
		if made, text, err := b.Create(t.Context(), n); err == nil || made != nil || text != "" {
			t.Errorf("%s: Create = %v, %v, want an error", name, made, err)
		}
	}
}

// A link is valid until it expires, to the second, regardless of the TTL of the table.
func TestALinkExpiresToTheSecond(t *testing.T) {
	b := newBench(t)
	for kind, n := range map[onetime.Kind]onetime.New{
		onetime.Recover: {Kind: onetime.Recover, User: ann},
		onetime.Invite:  {Kind: onetime.Invite, Life: 24 * time.Hour},
	} {
		made, text := b.create(n)
		b.now = made.Expires.Add(-time.Second)
		b.wants(text, kind, nil)
		b.now = made.Expires
		b.wants(text, kind, onetime.ErrExpired)
		if err := b.use(made); err == nil {
			t.Errorf("%s: the link was used when it expired", kind)
		}
		b.now = noon
	}
}

// The link of one kind is unknown for another kind, and so is every text that differs
// from a link (Zitadel CVE-2026-27840).
func TestUnknown(t *testing.T) {
	b := newBench(t)
	_, recovers := b.create(onetime.New{Kind: onetime.Recover, User: ann})
	_, invites := b.create(onetime.New{Kind: onetime.Invite})
	b.wants(recovers, onetime.Invite, onetime.ErrUnknown)
	b.wants(invites, onetime.Recover, onetime.ErrUnknown)
	for i := range recovers {
		b.wants(recovers[:i], onetime.Recover, onetime.ErrUnknown)
		b.wants(recovers[:i]+"!"+recovers[i+1:], onetime.Recover, onetime.ErrUnknown)
	}
	secret, err := opaque.Read(opaque.OneTimeLink, recovers)
	if err != nil {
		t.Fatal(err)
	}
	secret[0] ^= 1
	for name, text := range map[string]string{
		"longer":           recovers + "0",
		"tampered":         opaque.Write(opaque.OneTimeLink, secret),
		"of another kind":  opaque.Write(opaque.SignInStep, secret),
		"the hash itself":  opaque.Write(opaque.OneTimeLink, make([]byte, 64)),
		"a shorter secret": opaque.Write(opaque.OneTimeLink, secret[:31]),
		"nothing":          "",
	} {
		if got, err := b.Open(t.Context(), text, onetime.Recover); !errors.Is(err, onetime.ErrUnknown) {
			t.Errorf("%s: Open = %v, %v, want ErrUnknown", name, got, err)
		}
	}
}

// One of many concurrent uses of a link succeeds.
func TestOneOfManyUsesSucceeds(t *testing.T) {
	b := newBench(t)
	made, _ := b.create(onetime.New{Kind: onetime.Recover, User: ann})
	var mu sync.Mutex
	var wg sync.WaitGroup
	used := 0
	for range 10 {
		wg.Go(func() {
			err := b.use(made)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				used++
			}
		})
	}
	wg.Wait()
	if used != 1 {
		t.Errorf("%d of 10 used the link, want 1", used)
	}
}

// Neither table holds the text of the link, and the audit trail holds no name or address.
func TestNothingInClear(t *testing.T) {
	b := newBench(t)
	made, text := b.create(onetime.New{
		Kind: onetime.Invite, UserName: "bob", Email: "bob@example.com", Actor: "operator", By: "mail", RequestID: "r1",
	})
	secret, err := opaque.Read(opaque.OneTimeLink, text)
	if err != nil {
		t.Fatal(err)
	}
	trail := b.dump(b.Trail.Table)
	all := b.dump(b.Sessions) + trail
	for _, unwanted := range []string{text, text[4:47], hex.EncodeToString(secret), string(secret)} {
		if strings.Contains(all, unwanted) {
			t.Errorf("the tables hold the link: %s", all)
		}
	}
	if !strings.Contains(all, made.ID) || strings.Contains(trail, "bob") || strings.Contains(trail, made.ID) {
		t.Errorf("the tables hold %s, want the hash and a trail without names", all)
	}
	for _, want := range []string{"user.invite", made.Subject, "operator", "mail", "r1", "2026-11-29T12:00:00Z"} {
		if !strings.Contains(trail, want) {
			t.Errorf("the trail lacks %q: %s", want, trail)
		}
	}
}

// dump returns all values of a table.
func (b *bench) dump(table string) string {
	b.t.Helper()
	out, err := b.DB.Scan(b.t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: new(true)})
	if err != nil {
		b.t.Fatal(err)
	}
	var all strings.Builder
	for _, it := range out.Items {
		write(&all, &types.AttributeValueMemberM{Value: it})
	}
	return all.String()
}

func write(to *strings.Builder, v types.AttributeValue) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		to.WriteString(v.Value + "\n")
	case *types.AttributeValueMemberN:
		to.WriteString(v.Value + "\n")
	case *types.AttributeValueMemberB:
		to.WriteString(hex.EncodeToString(v.Value) + "\n" + string(v.Value) + "\n")
	case *types.AttributeValueMemberM:
		for name, member := range v.Value {
			to.WriteString(name + "=")
			write(to, member)
		}
	}
}

// A damaged item is an error, and opens no link.
func TestADamagedItemIsAnError(t *testing.T) {
	b := newBench(t)
	for attribute, value := range map[string]types.AttributeValue{
		"subject":   &types.AttributeValueMemberN{Value: "1"},
		"expires":   &types.AttributeValueMemberS{Value: "never"},
		"reset_otp": &types.AttributeValueMemberS{Value: "no"},
		"used":      &types.AttributeValueMemberS{Value: "no"},
	} {
		made, text := b.create(onetime.New{Kind: onetime.Recover, User: ann})
		_, err := b.DB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &b.Sessions, UpdateExpression: new("SET #a = :v"),
			Key: map[string]types.AttributeValue{
				"pk": &types.AttributeValueMemberS{Value: "ticket#" + made.ID}, "sk": &types.AttributeValueMemberS{Value: "ticket"},
			},
			ExpressionAttributeNames: map[string]string{"#a": attribute}, ExpressionAttributeValues: map[string]types.AttributeValue{":v": value},
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.Open(t.Context(), text, onetime.Recover); err == nil {
			t.Errorf("with a damaged %s Open = %+v, want an error", attribute, got)
		}
	}
}

func TestURLHasThePathOfItsKind(t *testing.T) {
	for kind, want := range map[onetime.Kind]string{
		onetime.Recover: "https://auth.example.com/recover?link=tsl_x", onetime.Invite: "https://auth.example.com/invite?link=tsl_x",
	} {
		if got := onetime.URL("https://auth.example.com", kind, "tsl_x"); got != want {
			t.Errorf("URL(%s) = %q, want %q", kind, got, want)
		}
	}
}

// FuzzOpen checks that only a text that Create returned opens a link.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{"", "tsl_", "tsl_AAAA", opaque.Write(opaque.OneTimeLink, make([]byte, 32)), opaque.Write(opaque.LoginCookie, make([]byte, 32))} {
		f.Add(s)
	}
	db, name := enginetest.DB(f)
	s := &onetime.Store{DB: db, Sessions: name(contract.Sessions), Now: func(context.Context) time.Time { return noon }}
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := s.Open(t.Context(), text, onetime.Recover); !errors.Is(err, onetime.ErrUnknown) || got != nil {
			t.Errorf("Open(%q) = %v, %v, want ErrUnknown", text, got, err)
		}
	})
}
