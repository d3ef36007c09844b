package session

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// Item is a live login or grant, as its user may see it.
type Item struct {
	Kind Kind
	ID   string
	// Client, Scope and Audience are those of a grant, and Login the id of the
	// login that it ends with, empty for none.
	Client, Scope, Login string
	Audience             []string
	// Notify is true if the client of a grant asks for notices. Browser is the id of
	// the login session that the client gets a notice about when it ends, although the
	// grant outlives it.
	Notify        bool
	Browser       string
	AuthTime      time.Time
	AMR           []string
	Created, Used time.Time
	// Expires is when the item expires if it is not used again.
	Expires time.Time
	ClientInfo
}

func (k Kind) endAction() audit.Action {
	if k == KindLogin {
		return ActionEndLogin
	}
	return ActionEndGrant
}

// Grant returns a live grant, or [ErrEnded], with one consistent read.
func (s *Store) Grant(ctx context.Context, subject, id string) (*Grant, error) {
	if !validID(id) {
		return nil, fmt.Errorf("read grant: %w", ErrEnded)
	}
	it, err := s.get(ctx, KindGrant, subject, id)
	if err != nil {
		return nil, err
	}
	g, err := decodeGrant(it)
	if err != nil {
		return nil, err
	}
	if !g.live(s.Now(ctx)) {
		return nil, fmt.Errorf("read grant %s: %w", id, ErrEnded)
	}
	return g, nil
}

// List returns the live logins and grants of a subject, the last used first, with one
// consistent query.
func (s *Store) List(ctx context.Context, subject string) ([]Item, error) {
	return s.active(ctx, subject, s.Now(ctx))
}

func (s *Store) get(ctx context.Context, k Kind, subject, id string) (dynamo.Item, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.Sessions, Key: k.key(subject, id), ConsistentRead: new(true),
	})
	if err != nil {
		return nil, fmt.Errorf("read %s %s: %w", k, id, err)
	}
	if len(out.Item) == 0 {
		return nil, fmt.Errorf("read %s %s: absent: %w", k, id, ErrEnded)
	}
	return out.Item, nil
}

// count reads the stored count of a subject's items, which is never too low.
func (s *Store) count(ctx context.Context, subject string) (int64, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.Sessions, Key: dynamo.Key(contract.SubjectPrefix.Of(subject), skCount), ConsistentRead: new(true),
	})
	if err != nil {
		return 0, fmt.Errorf("read the count of %s: %w", subject, err)
	}
	r := dynamo.Reader{Item: out.Item}
	return r.Number(attrCount), r.Err()
}

// active reads the items of a subject that are live at a time, the last used first.
func (s *Store) active(ctx context.Context, subject string, now time.Time) ([]Item, error) {
	var items []Item
	in := &dynamodb.QueryInput{
		TableName: &s.Sessions, ConsistentRead: new(true),
		KeyConditionExpression:   new(contract.PK + " = :pk"),
		FilterExpression:         new("#state = :active AND #idle > :now AND #abs > :now"),
		ExpressionAttributeNames: dynamo.Names(attrState, attrIdle, attrAbsolute),
		ExpressionAttributeValues: dynamo.Item{
			":pk": dynamo.Text(contract.SubjectPrefix.Of(subject)), ":active": dynamo.Text(stateActive), ":now": dynamo.Seconds(now),
		},
	}
	for {
		out, err := s.DB.Query(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("list the sessions of %s: %w", subject, err)
		}
		for _, it := range out.Items {
			i, err := decodeItem(it)
			if err != nil {
				return nil, err
			}
			items = append(items, i)
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			break
		}
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(b.Used.Compare(a.Used), strings.Compare(b.ID, a.ID))
	})
	return items, nil
}

func decodeItem(it dynamo.Item) (Item, error) {
	if strings.HasPrefix(it.Text(contract.SK), KindLogin.sort("")) {
		l, err := decodeLogin(it)
		if err != nil {
			return Item{}, err
		}
		return Item{
			Kind: KindLogin, ID: l.ID, AuthTime: l.AuthTime, AMR: l.AMR,
			Created: l.Created, Used: l.Used, Expires: earlier(l.Idle, l.Absolute), ClientInfo: l.ClientInfo,
		}, nil
	}
	g, err := decodeGrant(it)
	if err != nil {
		return Item{}, err
	}
	return Item{
		Kind: KindGrant, ID: g.ID, Client: g.Client, Scope: g.Scope, Audience: g.Audience, Login: g.Login,
		Notify: g.Notify, Browser: g.Browser, AuthTime: g.AuthTime, AMR: g.AMR,
		Created: g.Created, Used: g.Used, Expires: earlier(g.Idle, g.Absolute), ClientInfo: g.ClientInfo,
	}, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
