package onetime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// The layout of a link's item. An empty value is absent.
const (
	sk = "ticket"

	attrKind     = "kind"
	attrSubject  = "subject"
	attrAuthGen  = "auth_gen"
	attrUserName = "user_name"
	attrName     = "name"
	attrEmail    = "email"
	attrVerified = "email_verified"
	attrResetOTP = "reset_otp"
	attrActor    = "actor"
	attrCreated  = "created"
	attrExpires  = "expires"
	attrUsed     = "used" // when it was used; absent: it was not
)

// kept is how long a link stays in the table after it expired, so that the user learns
// that it has expired.
const kept = 7 * 24 * time.Hour

func key(id string) dynamo.Item { return dynamo.Key(contract.OneTimePrefix.Of(id), sk) }

// hash returns the hash of the secret of a link. The secret is not stored.
func hash(secret []byte) string {
	sum := sha256.Sum256(secret)
	return hex.EncodeToString(sum[:])
}

func encode(t *Link) dynamo.Item {
	it := key(t.ID)
	it[attrKind] = dynamo.Text(string(t.Kind))
	it[attrSubject] = dynamo.Text(t.Subject)
	it[attrAuthGen] = dynamo.Number(t.AuthGen)
	it[attrCreated] = dynamo.Seconds(t.Created)
	it[attrExpires] = dynamo.Seconds(t.Expires)
	it[contract.TTL] = dynamo.Seconds(t.Expires.Add(kept))
	it.PutText(attrUserName, t.UserName)
	it.PutText(attrName, t.Name)
	it.PutText(attrEmail, t.Email)
	it.PutFlag(attrVerified, t.EmailVerified)
	it.PutFlag(attrResetOTP, t.ResetOTP)
	it.PutText(attrActor, t.Actor)
	return it
}

func decode(id string, it dynamo.Item) (t *Link, used bool, err error) {
	r := dynamo.Reader{Item: it}
	t = &Link{
		ID: id, Kind: Kind(r.Text(attrKind)), Subject: r.Text(attrSubject), AuthGen: r.Number(attrAuthGen),
		UserName: r.Text(attrUserName), Name: r.Text(attrName), Email: r.Text(attrEmail), EmailVerified: r.Flag(attrVerified),
		ResetOTP: r.Flag(attrResetOTP), Actor: r.Text(attrActor), Created: r.Time(attrCreated), Expires: r.Time(attrExpires),
	}
	used = r.Number(attrUsed) != 0
	if t.Subject == "" || t.Expires.IsZero() {
		r.Fail(attrSubject)
	}
	if r.Err() != nil {
		return nil, false, fmt.Errorf("read a one-time link: %w", r.Err())
	}
	return t, used, nil
}

// use returns the write that uses a link up.
func (s *Store) use(ctx context.Context, id string) dynamo.Write {
	now := dynamo.Seconds(s.Now(ctx))
	return dynamo.Update(s.Sessions, key(id), dynamo.Changes{Set: dynamo.Item{attrUsed: now}},
		dynamo.Absent(attrUsed), dynamo.Greater(attrExpires, now)).Else(ErrUsed)
}
