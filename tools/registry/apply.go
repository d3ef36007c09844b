package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tipstaff/tipstaff/shared/audit"
	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/identity/admin"
	"github.com/tipstaff/tipstaff/shared/identity/credential"
	"github.com/tipstaff/tipstaff/shared/session"
)

// ErrChanged is returned when an entry was written after the plan was made.
var ErrChanged = errors.New("it was changed since the plan was made; run the command again")

// Applied is a change that was carried out.
type Applied struct {
	Change
	// Secret is the new secret of a client that got one. It is shown only here:
	// the table keeps its hash.
	Secret string
	// Unknown reports that the connection broke, so that it is not known whether
	// the change, and with it the secret, was written.
	Unknown bool
}

// ApplyError reports how far [Store.Apply] came.
type ApplyError struct {
	// Applied and Left are the changes before and after Failed.
	Applied []Change
	Failed  Change
	Left    []Change
	Err     error
}

func (e *ApplyError) Error() string {
	return fmt.Sprintf("%s: %v (%s; %s)", e.Failed.label(), e.Err,
		labels("applied before it", e.Applied), labels("not applied", append([]Change{e.Failed}, e.Left...)))
}

func (e *ApplyError) Unwrap() error { return e.Err }

func labels(what string, changes []Change) string {
	if len(changes) == 0 {
		return what + ": nothing"
	}
	all := make([]string, len(changes))
	for i := range changes {
		all[i] = changes[i].label()
	}
	return what + ": " + strings.Join(all, ", ")
}

func (c *Change) label() string { return fmt.Sprintf("%s %s %s", c.Op, c.Kind, c.ID) }

// Apply carries out a plan, each change in a transaction with its audit entry.
// It calls done after every change, so that no secret is lost when a later change
// fails. It stops at the first that fails, with an [*ApplyError]; the changes before
// it stay. The error wraps [ErrChanged] when an entry was written since the plan.
func (s *Store) Apply(ctx context.Context, p *Plan, done func(Applied)) error {
	pending := p.Pending()
	for i := range pending {
		if err := s.apply(ctx, pending[i], done); err != nil {
			return &ApplyError{Applied: pending[:i], Failed: pending[i], Left: pending[i+1:], Err: err}
		}
	}
	return nil
}

func (s *Store) apply(ctx context.Context, c Change, done func(Applied)) error {
	belongings, err := s.leave(ctx, &c)
	if err != nil {
		return err
	}
	a := Applied{Change: c}
	if c.MakesSecret {
		a.Secret = client.NewSecret()
		holder := *c.after.client
		holder.Secrets = []client.Secret{client.HashSecret(a.Secret)}
		after := clientEntry(&holder)
		a.after, a.Fields = &after, difference(c.before, &after)
	}
	entry := s.record(ctx, &a.Change)
	err = dynamo.Tx(slices.Concat(s.writes(&a.Change), belongings, []dynamo.Write{s.Trail.Put(ctx, entry)})).Run(ctx, s.DB)
	if dynamo.Failed(err) {
		return ErrChanged
	}
	if err != nil && uncertain(err) {
		err = s.resolve(ctx, entry, err, &a)
	}
	if err == nil || a.Unknown && a.Secret != "" {
		done(a)
	}
	if err == nil && c.leaves() {
		err = s.deletion().Finish(ctx, c.before.subject)
	}
	return err
}

// deletion deletes the items that belong to a user.
func (s *Store) deletion() *credential.Deletion {
	return &credential.Deletion{
		Users: &identity.Store{DB: s.DB, Registry: s.Table, Trail: s.Trail, Now: s.Trail.Now}, Actor: s.Actor,
	}
}

// leaves reports whether the change deletes a user.
func (c *Change) leaves() bool { return c.Kind == KindUser && c.Op == Delete }

// leave signs a user out before a change that disables or deletes them. For a user
// who is deleted it returns the writes that delete what belongs to them.
func (s *Store) leave(ctx context.Context, c *Change) ([]dynamo.Write, error) {
	if err := s.signOut(ctx, c); err != nil || !c.leaves() {
		return nil, err
	}
	return s.deletion().Begin(ctx, c.before.subject)
}

// signOut disables a user and ends their sessions when a change disables or deletes
// the user. It runs first, in a separate transaction with its own audit entry. So no
// session outlives the user, even if the rest of the change fails.
func (s *Store) signOut(ctx context.Context, c *Change) error {
	disables := c.Op == Update && c.before.trait("disabled") == "" && c.after.trait("disabled") != ""
	if c.Kind != KindUser || !disables && !c.leaves() {
		return nil
	}
	_, err := s.Sessions.ChangeUser(ctx, c.before.subject, admin.Disabled(),
		session.Cause{Why: session.Disabled, Actor: s.Actor, Action: audit.UserDisable})
	if errors.Is(err, session.ErrUnknown) {
		return ErrChanged
	}
	if err != nil {
		return fmt.Errorf("sign out everywhere, which `tipstaff user disable %s` completes: %w", c.ID, err)
	}
	// Disabling was a write of the user, which counts up the revision.
	c.before.revision++
	return nil
}

// uncertain reports whether a write with this error may have been applied. It may,
// unless DynamoDB itself refused it.
func uncertain(err error) bool {
	if errors.Is(err, dynamo.ErrBusy) {
		return false
	}
	if _, running := errors.AsType[*types.TransactionInProgressException](err); running {
		return true
	}
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return !ok || answer.HTTPStatusCode()/100 != 4
}

// resolve finds out whether a write was applied by looking for its audit entry,
// even when ctx has ended. It returns nil if the write was applied.
func (s *Store) resolve(ctx context.Context, entry audit.Entry, cause error, a *Applied) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	written, err := s.Trail.Written(ctx, s.DB, entry.ID)
	if err == nil && written {
		return nil
	}
	// The write may still arrive after this look.
	a.Unknown = true
	return fmt.Errorf("whether it was written is unknown, run plan to see: %w", cause)
}

var actions = map[Kind]map[Op]audit.Action{
	KindClient:   {Create: audit.ClientCreate, Update: audit.ClientUpdate, Delete: audit.ClientDelete},
	KindResource: {Create: audit.ResourceCreate, Update: audit.ResourceUpdate, Delete: audit.ResourceDelete},
	KindUpstream: {Create: audit.UpstreamCreate, Update: audit.UpstreamUpdate, Delete: audit.UpstreamDelete},
	KindUser:     {Create: audit.UserCreate, Update: audit.UserUpdate, Delete: audit.UserDelete},
}

// record returns the audit entry of a change. Name and address of a user stay out of
// the trail, which is kept after the user is deleted.
func (s *Store) record(ctx context.Context, c *Change) audit.Entry {
	about := c.after
	if about == nil {
		about = c.before
	}
	e := audit.Entry{
		ID: audit.NewID(s.Trail.Now(ctx)), Actor: s.Actor, Action: actions[c.Kind][c.Op], Outcome: audit.Success,
		Subject: about.subject, Object: string(c.Kind) + "#" + c.ID, Detail: map[string]string{},
	}
	if c.Kind == KindUser {
		e.Object = string(c.Kind) + "#" + about.subject
	}
	for _, f := range c.Fields {
		switch {
		case c.Kind == KindUser:
			e.Detail[f.Name] = "changed"
		case f.Old == "":
			e.Detail[f.Name] = f.New
		default:
			e.Detail[f.Name] = f.change()
		}
	}
	return e
}
