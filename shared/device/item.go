package device

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/session"
)

// The layout of the items. contract.DevicePrefix with the SHA-256 of the device code
// is a request. contract.UserCodePrefix with the HMAC of the user code leads to one.
// Times are epoch seconds, except the two that measure polls.
const (
	skDevice   = "device"
	skUserCode = "usercode"

	attrExpires = "expires"

	// Of a user code.
	attrDevice = "device" // the hash in the key of the request

	// Of a request.
	attrID       = "id"
	attrState    = "state"
	attrClient   = "client"
	attrScope    = "scope" // absent: none
	attrAudience = "aud"   // absent: none
	attrIP       = "ip"    // absent: unknown
	attrAgent    = "agent" // absent: unknown
	attrCreated  = "created"
	attrNext     = "next_at" // of the next poll, epoch milliseconds
	attrGap      = "gap"     // from a poll to the next, milliseconds
	attrSlowed   = "slowed"  // absent: no poll came too early since the last one
	attrMark     = "mark"    // random, of the last poll; absent: none

	// Of a request that was decided.
	attrSubject   = "sub"
	attrAuthGen   = "auth_gen"
	attrAuthTime  = "auth_time"
	attrAMR       = "amr"
	attrLogin     = "login"
	attrLoginEnds = "login_ends"
)

func deviceKey(hash string) dynamo.Item { return dynamo.Key(contract.DevicePrefix.Of(hash), skDevice) }

func hashOf(deviceCode []byte) string {
	sum := sha256.Sum256(deviceCode)
	return hex.EncodeToString(sum[:])
}

func userCodeKey(secret []byte, code UserCode) dynamo.Item {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("user code\x00" + string(code)))
	return dynamo.Key(contract.UserCodePrefix.Of(hex.EncodeToString(mac.Sum(nil))), skUserCode)
}

func encode(r *Request) dynamo.Item {
	it := deviceKey(r.hash)
	it[attrID] = dynamo.Text(r.ID)
	it[attrState] = dynamo.Text(string(r.state))
	it[attrClient] = dynamo.Text(r.Client)
	it.PutText(attrScope, r.Scope)
	it.PutTexts(attrAudience, r.Audience)
	it.PutText(attrIP, r.IP)
	it.PutText(attrAgent, r.Agent)
	it[attrCreated] = dynamo.Seconds(r.Created)
	it[attrExpires] = dynamo.Seconds(r.Expires)
	it[contract.TTL] = dynamo.Seconds(r.Expires.Add(kept))
	it[attrNext] = dynamo.Number(0)
	it[attrGap] = dynamo.Number(Interval.Milliseconds())
	return it
}

// decode parses the output of encode with the attributes of later states.
func decode(it dynamo.Item) (*Request, error) {
	r := dynamo.Reader{Item: it}
	q := &Request{
		ID: r.Text(attrID), state: state(r.Text(attrState)),
		NewRequest: NewRequest{
			Client: r.Text(attrClient), Scope: r.Text(attrScope), Audience: r.Texts(attrAudience),
			ClientInfo: session.ClientInfo{IP: r.Text(attrIP), Agent: r.Text(attrAgent)},
		},
		Created: r.Time(attrCreated), Expires: r.Time(attrExpires),
		Decision: Decision{
			Subject: r.Text(attrSubject), AuthGen: r.Number(attrAuthGen), AuthTime: r.Time(attrAuthTime),
			AMR: r.Texts(attrAMR), Login: r.Text(attrLogin), LoginEnds: r.Time(attrLoginEnds),
		},
	}
	q.hash = r.After(contract.PK, string(contract.DevicePrefix))
	err := r.Err()
	if err == nil && (q.ID == "" || q.hash == "" || q.Client == "") {
		err = errors.New("it is not whole")
	}
	if err != nil {
		return nil, fmt.Errorf("device request %s: %w", q.ID, err)
	}
	return q, nil
}
