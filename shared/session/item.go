package session

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/tipstaff/tipstaff/shared/contract"
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
	attrBind       = "bind"    // bindSecret; absent: bearer

	// Of a login.
	attrHash = "hash" // SHA-256 of the random part of the cookie
	attrUsed = "used"

	// Of the count: how many items were live when they were last counted,
	// and created since.
	attrCount = "n"

	// Of a user's item in the registry.
	attrAuthGen  = "auth_gen" // absent: 0
	attrDisabled = "disabled" // absent: false
	attrRevision = "rev"
)

const (
	stateActive = "active"
	stateEnded  = "ended"
	bindSecret  = "secret"
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

type item = map[string]types.AttributeValue

func key(pk, sk string) item { return item{contract.PK: text(pk), contract.SK: text(sk)} }

func (k Kind) sort(id string) string { return string(k) + "#" + id }

func (k Kind) key(subject, id string) item { return key("sub#"+subject, k.sort(id)) }

func userKey(subject string) item { return key("user#"+subject, skUser) }

// validID says whether id is one that an item could have, in its one spelling.
func validID(id string) bool {
	parsed, err := ulid.ParseStrict(id)
	return err == nil && parsed.String() == id
}

func encodeGrant(g *Grant) item {
	it := KindGrant.key(g.Subject, g.ID)
	it[attrState] = text(stateActive)
	it[attrGeneration] = number(int64(g.Generation))
	it[attrClient] = text(g.Client)
	putText(it, attrScope, g.Scope)
	putTexts(it, attrAudience, g.Audience)
	putText(it, attrLogin, g.Login)
	if g.Bound {
		it[attrBind] = text(bindSecret)
	}
	putLife(it, g.AuthTime, g.AMR, g.Created, g.Idle, g.Absolute, g.Device)
	return it
}

func encodeLogin(l *Login) item {
	it := KindLogin.key(l.Subject, l.ID)
	it[attrState] = text(stateActive)
	it[attrHash] = &types.AttributeValueMemberB{Value: l.hash}
	it[attrUsed] = seconds(l.Used)
	putLife(it, l.AuthTime, l.AMR, l.Created, l.Idle, l.Absolute, l.Device)
	return it
}

// putLife puts what grants and logins have in common.
func putLife(it item, authTime time.Time, amr []string, created, idle, absolute time.Time, d Device) {
	it[attrAuthTime] = seconds(authTime)
	putTexts(it, attrAMR, amr)
	it[attrCreated] = seconds(created)
	it[attrIdle] = seconds(idle)
	it[attrAbsolute] = seconds(absolute)
	putText(it, attrIP, d.IP)
	putText(it, attrAgent, d.Agent)
	it[contract.TTL] = seconds(absolute.Add(kept))
}

func decodeGrant(it item) (*Grant, error) {
	r := reader{it: it}
	g := &Grant{
		Subject: r.after(contract.PK, "sub#"), ID: r.after(contract.SK, KindGrant.sort("")),
		Client: r.text(attrClient), Scope: r.text(attrScope), Audience: r.texts(attrAudience),
		Generation: uint32(r.number(attrGeneration)), //nolint:gosec // we wrote it
		AuthTime:   r.time(attrAuthTime), AMR: r.texts(attrAMR),
		Created: r.time(attrCreated), Idle: r.time(attrIdle), Absolute: r.time(attrAbsolute),
		Login: r.text(attrLogin), Bound: r.text(attrBind) == bindSecret,
		Device: Device{IP: r.text(attrIP), Agent: r.text(attrAgent)},
		Ended:  r.time(attrEnded), Why: r.text(attrWhy),
		active: r.text(attrState) == stateActive, turn: r.bytes(attrTurn),
	}
	if g.Used = g.Created; it[attrRotated] != nil {
		g.Used = time.UnixMilli(r.number(attrRotated)).UTC()
	}
	if r.err != nil {
		return nil, fmt.Errorf("grant %s: %w", g.ID, r.err)
	}
	return g, nil
}

func decodeLogin(it item) (*Login, error) {
	r := reader{it: it}
	l := &Login{
		Subject: r.after(contract.PK, "sub#"), ID: r.after(contract.SK, KindLogin.sort("")),
		AuthTime: r.time(attrAuthTime), AMR: r.texts(attrAMR),
		Created: r.time(attrCreated), Used: r.time(attrUsed), Idle: r.time(attrIdle), Absolute: r.time(attrAbsolute),
		Device: Device{IP: r.text(attrIP), Agent: r.text(attrAgent)},
		active: r.text(attrState) == stateActive, hash: r.bytes(attrHash),
	}
	if r.err != nil {
		return nil, fmt.Errorf("login %s: %w", l.ID, r.err)
	}
	return l, nil
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func seconds(t time.Time) types.AttributeValue { return number(t.Unix()) }
