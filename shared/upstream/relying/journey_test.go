package relying_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/opaque"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/upstream/relying"
)

// browserName is the name of the browser in these tests.
const browserName = "THENAMEOFABROWSER234567ABC"

func newJourneys(t testing.TB) (*relying.Journeys, *routetest.Stage) {
	t.Helper()
	s := routetest.New(t)
	return &relying.Journeys{
		DB: s.DB, Sessions: s.Table(contract.Sessions), Now: s.Now,
		Box: &opaque.Box{Kind: opaque.UpstreamState, Keys: s.MACKey},
	}, s
}

func begin(t testing.TB, journeys *relying.Journeys) (string, relying.Journey) {
	t.Helper()
	j := relying.Journey{
		Upstream: "work", Issuer: "https://id.example.com", ClientID: "tipstaff", Browser: browserName,
		Return: "/authorize?client_id=orders", To: "https:", Login: "01JD9ZQZ7M3S9T6W9B0V5K8XYZ", Subject: "usr_ada", Invite: "tsl_of_an_invitation", Again: true,
	}
	state, err := journeys.Begin(t.Context(), &j)
	if err != nil {
		t.Fatal(err)
	}
	return state, j
}

func TestTableDoesNotRevealAJourney(t *testing.T) {
	journeys, s := newJourneys(t)
	state, j := begin(t, journeys)
	if j.Nonce == "" || j.Verifier == "" || j.Nonce == j.Verifier {
		t.Fatalf("nonce %q and verifier %q, want two", j.Nonce, j.Verifier)
	}
	table := s.Table(contract.Sessions)
	all, err := s.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil || len(all.Items) != 1 {
		t.Fatalf("the table has %d items, %v, want one", len(all.Items), err)
	}
	for name, v := range all.Items[0] {
		text := ""
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			text = v.Value
		case *types.AttributeValueMemberB:
			text = string(v.Value)
		}
		for _, secret := range []string{state, j.Nonce, j.Verifier, j.Invite, browserName} {
			if strings.Contains(text, secret) {
				t.Errorf("attribute %s = %q holds %q", name, text, secret)
			}
		}
	}
	s.Pass(relying.JourneyLife - time.Second)
	got, err := journeys.End(t.Context(), state, "work", browserName)
	if err != nil || *got != j {
		t.Errorf("End = %+v, %v, want %+v", got, err, j)
	}
}

// Every answer ends the journey, whatever its outcome.
func TestJourneyIsTakenOnce(t *testing.T) {
	tests := []struct {
		name, upstream, browser string
		late                    time.Duration
		reason                  string
		known                   bool // the journey is beside the error
	}{
		{name: "replayed", upstream: "work", browser: browserName, reason: ""},
		{name: "another browser", upstream: "work", browser: "ANOTHERBROWSER234567ABCDEF", reason: "another browser's"},
		{name: "no browser", upstream: "work", browser: "", reason: "another browser's"},
		{name: "another upstream", upstream: "home", browser: browserName, reason: "to another upstream", known: true},
		{name: "too late", upstream: "work", browser: browserName, late: relying.JourneyLife, reason: "took too long", known: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			journeys, s := newJourneys(t)
			state, _ := begin(t, journeys)
			s.Pass(tt.late)
			j, err := journeys.End(t.Context(), state, tt.upstream, tt.browser)
			if tt.reason == "" && err != nil {
				t.Fatalf("End = %v", err)
			}
			if tt.reason != "" && (!errors.Is(err, relying.ErrJourney) || !strings.Contains(err.Error(), tt.reason) || (j != nil) != tt.known) {
				t.Errorf("End = %+v, %v, want ErrJourney because it %s", j, err, tt.reason)
			}
			if j != nil && tt.reason != "" && (j.Verifier != "" || j.Nonce != "" || j.Invite != "") {
				t.Errorf("the journey beside the error has its secrets: %+v", j)
			}
			s.Time = s.Time.Add(-tt.late)
			if j, err := journeys.End(t.Context(), state, "work", browserName); !errors.Is(err, relying.ErrJourney) || j != nil {
				t.Errorf("the right answer afterwards = %+v, %v, want ErrJourney", j, err)
			}
		})
	}
}

func TestJourneyAtOnce(t *testing.T) {
	journeys, _ := newJourneys(t)
	state, _ := begin(t, journeys)
	var mu sync.Mutex
	var wg sync.WaitGroup
	taken := 0
	for range 10 {
		wg.Go(func() {
			_, err := journeys.End(t.Context(), state, "work", browserName)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				taken++
			} else if !errors.Is(err, relying.ErrJourney) {
				t.Errorf("End = %v, want ErrJourney", err)
			}
		})
	}
	wg.Wait()
	if taken != 1 {
		t.Errorf("%d of 10 have the journey, want one", taken)
	}
}

// Only the exact state leads to a journey, and a malformed one causes no call.
func FuzzState(f *testing.F) {
	journeys, s := newJourneys(f)
	state, _ := begin(f, journeys)
	counter := s.Count()
	journeys.DB = s.DB
	for _, seed := range []string{"", state[:len(state)-1], state + "A", strings.ToUpper(state), "tsu_", " " + state, state + "\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if text == state {
			return
		}
		counter.Calls = nil
		if j, err := journeys.End(t.Context(), text, "work", browserName); !errors.Is(err, relying.ErrJourney) || j != nil {
			t.Errorf("End(%q) = %+v, %v, want ErrJourney", text, j, err)
		}
		if _, err := opaque.Read(opaque.UpstreamState, text); err != nil && len(counter.Calls) > 0 {
			t.Errorf("End(%q) made the calls %v, want none", text, fmt.Sprint(counter.Calls))
		}
	})
}
