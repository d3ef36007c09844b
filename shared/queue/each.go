package queue

import (
	"sync"
	"sync/atomic"
)

// Each works on all items, on at most limit of them at the same time, and begins
// them in their order. It returns when all have ended: one that fails stops no
// other. The error is the first in time.
func Each[T any](limit int, items []T, work func(T) error) error {
	var (
		workers sync.WaitGroup
		next    atomic.Int64
		once    sync.Once
		first   error
	)
	for range min(limit, len(items)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(items)); i = next.Add(1) - 1 {
				if err := work(items[i]); err != nil {
					once.Do(func() { first = err })
				}
			}
		})
	}
	workers.Wait()
	return first
}
