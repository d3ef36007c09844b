package local_test

import (
	"io"
	"net/http"
	"sync"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/localtest"
)

// BenchmarkStack measures requests through the gateway, the Runtime API and a
// function that does nothing, from one client and from four.
func BenchmarkStack(b *testing.B) {
	s := start(b, localtest.Options(b))
	for _, bb := range []struct {
		name    string
		clients int
	}{{"1 client", 1}, {"4 clients", 4}} {
		b.Run(bb.name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: bb.clients}}
			var all sync.WaitGroup
			for i := range bb.clients {
				all.Go(func() {
					for n := i; n < b.N; n += bb.clients {
						r, err := client.Get(s.BaseURL() + "/time")
						if err != nil || r.StatusCode != http.StatusOK {
							b.Error(r, err)
							return
						}
						_, _ = io.Copy(io.Discard, r.Body)
						_ = r.Body.Close()
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
