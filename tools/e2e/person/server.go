package person

import (
	"encoding/json"
	"net/http"
	"sync"
)

// Visits lets programs in other languages send a user to an address: a POST of a JSON
// [Visit] is answered with the [Arrival].
type Visits struct {
	// New returns a user at a new browser.
	New func() *Person

	mu   sync.Mutex
	open map[string]*Person
}

// Visit is a request of a program.
type Visit struct {
	Address string `json:"address"`
	// Browser names the browser, which keeps its cookies from visit to visit;
	// an empty name is a new browser each time.
	Browser string `json:"browser"`
	Code    string `json:"code"`
	Deny    bool   `json:"deny"`
}

func (s *Visits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var v Visit
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock() // a Person must not be used by several goroutines at once
	defer s.mu.Unlock()
	p := s.open[v.Browser]
	if p == nil {
		p = s.New()
	}
	if v.Browser != "" {
		if s.open == nil {
			s.open = map[string]*Person{}
		}
		s.open[v.Browser] = p
	}
	p.Code, p.Deny = v.Code, v.Deny
	arrived, err := p.Visit(r.Context(), v.Address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(arrived) // the program may have closed the connection
}
