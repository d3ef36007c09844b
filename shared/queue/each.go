package queue

import (
	"sync"
	"sync/atomic"
)

// Each calls work for every item, for at most limit of them concurrently, and starts
// them in order. It returns when all calls have returned: a failure does not stop the
// others. The error is the first in time.
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
