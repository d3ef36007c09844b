package client

import (
	"context"
	"fmt"
)

// Prove returns the client of that id if proof returns nil for it. Otherwise the
// error is ErrUnknown, ErrDisabled, the error of proof, or that of a failed read.
//
// As in [Store.Authenticate] a success against the cache makes no call. Any other
// outcome is decided by one fresh read, so that a new key of the client works at
// once. Prove may call proof twice.
func (s *Store) Prove(ctx context.Context, id string, proof func(*Client) error) (*Client, error) {
	if c, ok := s.clients.get(id, s.Now(ctx), s.ttl()); ok && !c.Disabled && proof(c) == nil {
		return c, nil
	}
	c, err := s.readClient(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := proof(c); err != nil {
		return nil, fmt.Errorf("client %s: %w", id, err)
	}
	if c.Disabled {
		return nil, ErrDisabled
	}
	return c, nil
}
