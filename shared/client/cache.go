package client

import (
	"sync"
	"time"
)

// maxEntries bounds each cache. Only what exists is cached, so an attacker
// cannot fill it with invented ids. It is far above what one function instance sees.
const maxEntries = 1000

// cache holds values and the time at which each was read. It is safe for concurrent use.
type cache[V any] struct {
	mu      sync.Mutex
	entries map[string]entry[V]
}

type entry[V any] struct {
	value V
	read  time.Time
}

// get returns the value of key if it was read less than ttl before now. An entry
// from the future is stale too: the clock was set back and its age is unknown.
func (c *cache[V]) get(key string, now time.Time, ttl time.Duration) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if age := now.Sub(e.read); !ok || age < 0 || age >= ttl {
		var none V
		return none, false
	}
	return e.value, true
}

// put stores a value. A full cache drops a random entry first.
func (c *cache[V]) put(key string, value V, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = map[string]entry[V]{}
	}
	if _, ok := c.entries[key]; !ok && len(c.entries) >= maxEntries {
		for other := range c.entries {
			delete(c.entries, other)
			break
		}
	}
	c.entries[key] = entry[V]{value: value, read: now}
}

func (c *cache[V]) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}
