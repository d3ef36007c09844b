package keys

import "time"

// Advance returns the document after one rotation and does not change d. Next keys
// become active, active ones retire, new ones are published, and keys that no token
// needs are dropped. It returns an [*EarlyError] while a next key has not been
// published for [CacheLife], or while the set would grow too large.
func (d *Document) Advance(now time.Time) (*Document, error) {
	now = now.UTC().Truncate(time.Second)
	after := &Document{Format: format}
	for _, k := range d.Signing {
		moved := &Key{ID: k.ID, Algorithm: k.Algorithm, State: k.State, Created: k.Created, Retired: k.Retired, PKCS8: k.PKCS8}
		switch k.State {
		case Next:
			if until := k.Created.Add(CacheLife); now.Before(until) {
				return nil, &EarlyError{Until: until}
			}
			moved.State = Active
		case Active:
			moved.State, moved.Retired = Retiring, now
		case Retiring, Gone:
			if !now.Before(k.Retired.Add(retirement)) {
				continue
			}
		}
		after.Signing = append(after.Signing, moved)
	}
	for _, alg := range Algorithms {
		k, err := newKey(alg, Next, now)
		if err != nil {
			return nil, err
		}
		after.Signing = append(after.Signing, k)
	}
	if len(after.Signing) > maxPublished {
		return nil, &EarlyError{Until: after.relief()}
	}
	for _, k := range d.MAC {
		moved := *k
		if k.State == Active {
			moved.State, moved.Retired = Retiring, now
		} else if !now.Before(k.Retired.Add(MACLife)) {
			continue
		}
		after.MAC = append(after.MAC, &moved)
	}
	after.MAC = append(after.MAC, newMACKey(now))
	// A pepper is never replaced: that would need the password, at the next sign-in.
	after.Peppers = d.Peppers
	if len(after.Peppers) == 0 {
		after.Peppers = []*Pepper{newPepper(now)}
	}
	return after, nil
}

// retirement is how long a key is published after it stopped signing. A process
// without access to the secret may sign a little longer, its last token lives, and
// verifiers cache what they fetched.
const retirement = StaleLife + MaxTokenLife + CacheLife

// relief returns when the first retiring key is gone.
func (d *Document) relief() time.Time {
	var first time.Time
	for _, k := range d.Signing {
		if k.State == Retiring && (first.IsZero() || k.Retired.Before(first)) {
			first = k.Retired
		}
	}
	return first.Add(retirement)
}
