package session

import (
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/item"
)

// The layout of the items: the partition "sub#<subject>" holds "grant#<ULID>",
// "login#<ULID>" and one "count". Times are epoch seconds, but for rotated. A new
// attribute is optional and its absence has the meaning written here.
const (
	attrState    = "state"
	attrClient   = "client"
	attrScope    = "scope" // absent: none
	attrAudience = "aud"   // absent: none
	attrAuthTime = "auth_time"
	attrAMR      = "amr" // absent: nobody knows how
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
	attrNotify     = "notify"  // true: its client wants to know of the end; absent: false
	attrBrowser    = "browser" // id of a login; absent: there is none of whose end the client is to be told

	// Of a login.
	attrHash = "hash" // SHA-256 of the random part of the cookie
	attrUsed = "used"
	// attrProved is in epoch milliseconds; absent: when the id was made.
	attrProved = "proved"

	// Of the count: how many items were live when they were last counted,
	// and created since.
	attrCount = "n"

	// Of a user's item in the registry, and of a login: what it was then.
	attrAuthGen = "auth_gen" // absent: 0

	// Of a user's item in the registry.
	attrDisabled = "disabled" // absent: false
	attrRevision = "rev"
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
	skUser  = "user"
)

func (k Kind) sort(id string) string { return string(k) + "#" + id }

func (k Kind) key(subject, id string) item.Item { return item.Key("sub#"+subject, k.sort(id)) }

func userKey(subject string) item.Item { return item.Key("user#"+subject, skUser) }

// validID says whether id is one that an item could have, in its one spelling.
func validID(id string) bool {
	parsed, err := ulid.ParseStrict(id)
	return err == nil && parsed.String() == id
}

func encodeGrant(g *Grant) item.Item {
	it := KindGrant.key(g.Subject, g.ID)
	it[attrState] = item.Text(stateActive)
	it[attrGeneration] = item.Number(int64(g.Generation))
	it[attrClient] = item.Text(g.Client)
	it.PutText(attrScope, g.Scope)
	it.PutTexts(attrAudience, g.Audience)
	it.PutText(attrLogin, g.Login)
	switch {
	case g.Bound:
		it[attrBind] = item.Text(bindSecret)
	case g.JKT != "":
		it[attrBind] = item.Text(bindKey + g.JKT)
	}
	it.PutFlag(attrNotify, g.Notify)
	it.PutText(attrBrowser, g.Browser)
	putLife(it, g.AuthTime, g.AMR, g.Created, g.Idle, g.Absolute, g.Device)
	return it
}

func encodeLogin(l *Login) item.Item {
	it := KindLogin.key(l.Subject, l.ID)
	it[attrState] = item.Text(stateActive)
	it[attrHash] = item.Bytes(l.hash)
	it[attrUsed] = item.Seconds(l.Used)
	it[attrProved] = item.Millis(l.Proved)
	it[attrAuthGen] = item.Number(l.AuthGen)
	putLife(it, l.AuthTime, l.AMR, l.Created, l.Idle, l.Absolute, l.Device)
	return it
}

// putLife puts what grants and logins have in common.
func putLife(it item.Item, authTime time.Time, amr []string, created, idle, absolute time.Time, d Device) {
	it[attrAuthTime] = item.Seconds(authTime)
	it.PutTexts(attrAMR, amr)
	it[attrCreated] = item.Seconds(created)
	it[attrIdle] = item.Seconds(idle)
	it[attrAbsolute] = item.Seconds(absolute)
	it.PutText(attrIP, d.IP)
	it.PutText(attrAgent, d.Agent)
	it[contract.TTL] = item.Seconds(absolute.Add(kept))
}

func decodeGrant(it item.Item) (*Grant, error) {
	r := item.Reader{Item: it}
	g := &Grant{
		Subject: r.After(contract.PK, "sub#"), ID: r.After(contract.SK, KindGrant.sort("")),
		Client: r.Text(attrClient), Scope: r.Text(attrScope), Audience: r.Texts(attrAudience),
		Generation: uint32(r.Number(attrGeneration)), //nolint:gosec // G115: written from a uint32
		AuthTime:   r.Time(attrAuthTime), AMR: r.Texts(attrAMR),
		Created: r.Time(attrCreated), Idle: r.Time(attrIdle), Absolute: r.Time(attrAbsolute),
		Login: r.Text(attrLogin), Bound: r.Text(attrBind) == bindSecret, Notify: r.Flag(attrNotify), Browser: r.Text(attrBrowser),
		Device: Device{IP: r.Text(attrIP), Agent: r.Text(attrAgent)},
		Ended:  r.Time(attrEnded), Why: r.Text(attrWhy),
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

func decodeLogin(it item.Item) (*Login, error) {
	r := item.Reader{Item: it}
	l := &Login{
		Subject: r.After(contract.PK, "sub#"), ID: r.After(contract.SK, KindLogin.sort("")),
		AuthGen: r.Number(attrAuthGen), AuthTime: r.Time(attrAuthTime), AMR: r.Texts(attrAMR),
		Created: r.Time(attrCreated), Used: r.Time(attrUsed), Idle: r.Time(attrIdle), Absolute: r.Time(attrAbsolute),
		Device: Device{IP: r.Text(attrIP), Agent: r.Text(attrAgent)},
		active: r.Text(attrState) == stateActive, hash: r.Bytes(attrHash),
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
