package registry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// Op is the operation of a change on an entry of the registry.
type Op string

// The operations of a plan. Unchanged and Kept write nothing.
const (
	Create    Op = "create"
	Update    Op = "update"
	Delete    Op = "delete"
	Unchanged Op = "unchanged"
	// Kept entries are in the table and not in the file.
	Kept Op = "kept"
)

// Plan is the difference between a Document and the registry table, as it was
// when the plan was made.
type Plan struct {
	// Changes has a change for every entry in the file or in the table, in the
	// order of [Store.Apply]. An entry is created before the entries that refer
	// to it, and deleted after them.
	Changes []Change
}

// Change is one entry of a plan.
type Change struct {
	Op   Op
	Kind Kind
	// ID is the id of the client, the resource or the upstream, or the user
	// name in lower case.
	ID string
	// Fields are the differences.
	Fields []Field
	// MakesSecret reports that the client gets a new secret.
	MakesSecret bool

	before, after *entry
}

// Field is one difference of a change. An empty text means that the field is absent.
// No field holds a secret: the secrets of a client are named by their SecretID.
type Field struct {
	Name, Old, New string
}

// Pending returns the changes that write something.
func (p *Plan) Pending() []Change {
	return slices.DeleteFunc(slices.Clone(p.Changes), func(c Change) bool { return c.Op == Unchanged || c.Op == Kept })
}

// Count returns the number of changes of one kind of operation.
func (p *Plan) Count(op Op) int {
	n := 0
	for i := range p.Changes {
		if p.Changes[i].Op == op {
			n++
		}
	}
	return n
}

// Plan compares a document with the table. With prune, entries that are in the table
// and not in the file are deleted, in the sections that the file has.
func (s *Store) Plan(ctx context.Context, doc *Document, prune bool) (*Plan, error) {
	have, err := s.read(ctx, doc.Sections)
	if err != nil {
		return nil, err
	}
	p := &Plan{}
	for _, r := range doc.Resources {
		p.compare(have, resourceEntry(&r))
	}
	for _, c := range doc.Clients {
		stored := have[name{KindClient, c.ID}]
		if len(c.Secrets) == 0 && stored != nil && c.UsesSecret() {
			c.Secrets = stored.client.Secrets
		}
		p.compare(have, clientEntry(&c))
	}
	for _, u := range doc.Upstreams {
		p.compare(have, upstreamEntry(&u))
	}
	for _, u := range doc.Users {
		u.Subject = identity.NewSubject(s.Trail.Now(ctx))
		if stored := have[name{KindUser, strings.ToLower(u.UserName)}]; stored != nil {
			u.Subject = stored.subject
		}
		p.compare(have, userEntry(&u))
	}
	p.leftover(have, prune)
	return p, nil
}

// compare adds the change from the stored entry to the wanted one, and removes the
// entry from the stored ones.
func (p *Plan) compare(have table, want entry) {
	stored := have[name{want.kind, want.id}]
	delete(have, name{want.kind, want.id})
	c := Change{
		Op: Create, Kind: want.kind, ID: want.id, before: stored, after: &want,
		Fields:      difference(stored, &want),
		MakesSecret: want.client != nil && len(want.client.Secrets) == 0 && want.client.UsesSecret(),
	}
	if stored != nil {
		c.Op = Update
		if len(c.Fields) == 0 && !c.MakesSecret {
			c.Op = Unchanged
		}
	}
	p.Changes = append(p.Changes, c)
}

// leftover adds the entries that the file does not have: users, then upstreams, then
// clients, then the resources to which the clients refer.
func (p *Plan) leftover(have table, prune bool) {
	order := map[Kind]int{KindUser: 0, KindUpstream: 1, KindClient: 2, KindResource: 3}
	names := slices.SortedFunc(maps.Keys(have), func(a, b name) int {
		if d := order[a.kind] - order[b.kind]; d != 0 {
			return d
		}
		return strings.Compare(a.id, b.id)
	})
	for _, n := range names {
		c := Change{Op: Kept, Kind: n.kind, ID: n.id, before: have[n]}
		if prune {
			c.Op = Delete
			c.Fields = difference(c.before, nil)
		}
		p.Changes = append(p.Changes, c)
	}
}

// difference lists the traits in which two entries differ, those of after
// first. An entry can be absent.
func difference(before, after *entry) []Field {
	var fields []Field
	if after != nil {
		for _, t := range after.traits {
			if old := before.trait(t.name); old != t.value {
				fields = append(fields, Field{Name: t.name, Old: old, New: t.value})
			}
		}
	}
	if before != nil {
		for _, t := range before.traits {
			if after.trait(t.name) == "" {
				fields = append(fields, Field{Name: t.name, Old: t.value})
			}
		}
	}
	return fields
}

// name identifies an entry, in a plan and in the table.
type name struct {
	kind Kind
	id   string
}

type table map[name]*entry

func (t table) add(e entry) error {
	n := name{e.kind, e.id}
	if t[n] != nil {
		return fmt.Errorf("the registry has %s %s twice", e.kind, e.id)
	}
	t[n] = &e
	return nil
}

// decode reads a stored item back into the entry that was written.
func decode(it dynamo.Item) (entry, error) {
	switch sk := it.Text(contract.SK); {
	case sk == client.SKResource:
		r, err := client.DecodeResource(it)
		if err != nil {
			return entry{}, err
		}
		return resourceEntry(r), nil
	case sk == client.SKClient:
		c, err := client.DecodeClient(it)
		if err != nil {
			return entry{}, err
		}
		return clientEntry(c), nil
	case strings.HasPrefix(sk, upstream.SKPrefix):
		u, err := upstream.Decode(it)
		if err != nil {
			return entry{}, err
		}
		return upstreamEntry(u), nil
	default:
		u, err := identity.Decode(it)
		if err != nil {
			return entry{}, err
		}
		return userEntry(u), nil
	}
}
