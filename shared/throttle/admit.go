package throttle

import "context"

// Admit counts a request that is no guess but makes us store something for an
// unauthenticated caller. It returns a [*LimitError] when there are too many. Each address
// (a /32, or a /64 of IPv6) has [PerMinute] of these for each kind, apart from its
// attempts to sign in. Admit makes one write.
func (s *Store) Admit(ctx context.Context, kind, address string) error {
	k, err := s.keys(ctx, Attempt{Kind: kind, Address: address})
	if err != nil {
		return err
	}
	return s.count(ctx, k.admission)
}
