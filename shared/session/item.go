package session

import (
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// The layout of the items: the partition of [contract.SubjectPrefix] and the subject
// holds an item of [contract.GrantPrefix] or [contract.LoginPrefix] for each ULID, and
// one "count". Times are epoch seconds unless stated otherwise. A new attribute is
// optional and its absence has the meaning written here.
const (
	attrState    = "state"
	attrClient   = "client"
	attrScope    = "scope" // absent: none
	attrAudience = "aud"   // absent: none
	attrAuthTime = "auth_time"
	attrAMR      = "amr" // absent: unknown
	attrCreated  = "created"
	attrIdle     = "idle"
	attrAbsolute = "abs"
	attrIP       = "ip"    // absent or empty: unknown
	attrAgent    = "agent" // absent or empty: unknown
	attrEnded    = "ended" // absent: has not been ended
	attrWhy      = "why"   // absent: has not been ended

	// Of a grant.
	attrGeneration = "gen"
	attrRotated    = "rotated" // epoch milliseconds; absent: never
	attrTurn       = "turn"    // random, of the last refresh; absent: none
	attrLogin      = "login"   // absent: ends with no login
	attrBind       = "bind"    // bindSecret, or bindKey and a thumbprint; absent: bearer
	attrNotify     = "notify"  // true: its client asks for notices; absent: false
	attrBrowser    = "browser" // id of a login; absent: the client needs no notice of the end of one

	// Of a login.
	attrHash = "hash" // SHA-256 of the random part of the cookie
	attrUsed = "used"
	// attrProved is in epoch milliseconds; absent: when the id was made.
	attrProved = "proved"

	// Of the count: how many items were live at the last count, plus those that
	// were created since.
	attrCount = "n"

	// attrAuthGen is the user's dynamo.AttrAuthGen at the sign-in.
	attrAuthGen = dynamo.AttrAuthGen // absent: 0
)

const (
	stateActive = "active"
	stateEnded  = "ended"
	bindSecret  = "secret"
	bindKey     = "jkt:"
)

// Kind is a kind of item, the beginning of its sort key.
type Kind string

// The kinds that exist.
const (
	KindGrant Kind = "grant"
	KindLogin Kind = "login"

	skCount = "count"
)

// sort returns the sort key of the item with that id.
func (k Kind) sort(id string) string {
	if k == KindLogin {
		return contract.LoginPrefix.Of(id)
	}
	return contract.GrantPrefix.Of(id)
}

func (k Kind) key(subject, id string) dynamo.Item {
	return dynamo.Key(contract.SubjectPrefix.Of(subject), k.sort(id))
}

// validID reports whether id is a ULID in its canonical spelling.
func validID(id string) bool {
	parsed, err := ulid.ParseStrict(id)
	return err == nil && parsed.String() == id
}

func encodeGrant(g *Grant) dynamo.Item {
	it := KindGrant.key(g.Subject, g.ID)
	it[attrState] = dynamo.Text(stateActive)
	it[attrGeneration] = dynamo.Number(int64(g.Generation))
	it[attrClient] = dynamo.Text(g.Client)
	it.PutText(attrScope, g.Scope)
	it.PutTexts(attrAudience, g.Audience)
	it.PutText(attrLogin, g.Login)
	switch {
	case g.Bound:
		it[attrBind] = dynamo.Text(bindSecret)
	case g.JKT != "":
		it[attrBind] = dynamo.Text(bindKey + g.JKT)
	}
	it.PutFlag(attrNotify, g.Notify)
	it.PutText(attrBrowser, g.Browser)
	putLife(it, g.AuthTime, g.AMR, g.Created, g.Idle, g.Absolute, g.ClientInfo)
	return it
}

func encodeLogin(l *Login) dynamo.Item {
	it := KindLogin.key(l.Subject, l.ID)
	it[attrState] = dynamo.Text(stateActive)
	it[attrHash] = dynamo.Bytes(l.hash)
	it[attrUsed] = dynamo.Seconds(l.Used)
	it[attrProved] = dynamo.Millis(l.Proved)
	it[attrAuthGen] = dynamo.Number(l.AuthGen)
	putLife(it, l.AuthTime, l.AMR, l.Created, l.Idle, l.Absolute, l.ClientInfo)
	return it
}

// putLife puts the attributes that grants and logins have in common.
func putLife(it dynamo.Item, authTime time.Time, amr []string, created, idle, absolute time.Time, d ClientInfo) {
	it[attrAuthTime] = dynamo.Seconds(authTime)
	it.PutTexts(attrAMR, amr)
	it[attrCreated] = dynamo.Seconds(created)
	it[attrIdle] = dynamo.Seconds(idle)
	it[attrAbsolute] = dynamo.Seconds(absolute)
	it.PutText(attrIP, d.IP)
	it.PutText(attrAgent, d.Agent)
	it[contract.TTL] = dynamo.Seconds(absolute.Add(kept))
}

func decodeGrant(it dynamo.Item) (*Grant, error) {
	r := dynamo.Reader{Item: it}
	g := &Grant{
		Subject: r.After(contract.PK, string(contract.SubjectPrefix)), ID: r.After(contract.SK, KindGrant.sort("")),
		Client: r.Text(attrClient), Scope: r.Text(attrScope), Audience: r.Texts(attrAudience),
		Generation: uint32(r.Number(attrGeneration)), //nolint:gosec // G115: written from a uint32
		AuthTime:   r.Time(attrAuthTime), AMR: r.Texts(attrAMR),
		Created: r.Time(attrCreated), Idle: r.Time(attrIdle), Absolute: r.Time(attrAbsolute),
		Login: r.Text(attrLogin), Bound: r.Text(attrBind) == bindSecret, Notify: r.Flag(attrNotify), Browser: r.Text(attrBrowser),
		ClientInfo: ClientInfo{IP: r.Text(attrIP), Agent: r.Text(attrAgent)},
		Ended:      r.Time(attrEnded), Why: r.Text(attrWhy),
		active: r.Text(attrState) == stateActive, turn: r.Bytes(attrTurn),
	}
	if key, ok := strings.CutPrefix(r.Text(attrBind), bindKey); ok {
		g.JKT = key
	}
	if g.Used = g.Created; it[attrRotated] != nil {
		g.Used = time.UnixMilli(r.Number(attrRotated)).UTC()
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("grant %s: %w", g.ID, r.Err())
	}
	return g, nil
}

func decodeLogin(it dynamo.Item) (*Login, error) {
	r := dynamo.Reader{Item: it}
	l := &Login{
		Subject: r.After(contract.PK, string(contract.SubjectPrefix)), ID: r.After(contract.SK, KindLogin.sort("")),
		AuthGen: r.Number(attrAuthGen), AuthTime: r.Time(attrAuthTime), AMR: r.Texts(attrAMR),
		Created: r.Time(attrCreated), Used: r.Time(attrUsed), Idle: r.Time(attrIdle), Absolute: r.Time(attrAbsolute),
		ClientInfo: ClientInfo{IP: r.Text(attrIP), Agent: r.Text(attrAgent)},
		active:     r.Text(attrState) == stateActive, hash: r.Bytes(attrHash),
	}
	if id, err := ulid.ParseStrict(l.ID); err == nil {
		l.Proved = ulid.Time(id.Time()).UTC()
	}
	if it[attrProved] != nil {
		l.Proved = time.UnixMilli(r.Number(attrProved)).UTC()
	}
	if r.Err() != nil {
		return nil, fmt.Errorf("login %s: %w", l.ID, r.Err())
	}
	return l, nil
}
