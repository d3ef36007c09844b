package local

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// startSchedules runs the functions that have a rule. The first run is at the end of
// the first period, and Close ends the runs. Rules run at the same time; the runs of
// one rule follow each other.
func (s *Stack) startSchedules() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, rule := range s.stage.Rules {
		ticks, stop := s.options.Ticks(rule.Every)
		running.Go(func() {
			defer stop()
			for {
				select {
				case <-ctx.Done():
					return
				case at := <-ticks:
					s.tick(ctx, rule, at)
				}
			}
		})
	}
	s.onClose(func() {
		cancel()
		running.Wait()
	})
}

// tick invokes a function for its rule. A failure does not stop the next tick.
func (s *Stack) tick(ctx context.Context, rule cfn.Rule, at time.Time) {
	short, err := s.options.short(rule.Function)
	if err == nil {
		_, err = s.functions[short].Invoke(ctx, s.scheduled(rule, at))
	}
	if err != nil && ctx.Err() == nil {
		s.options.Failed(short, err)
	}
}

// Trigger invokes a function that has a rule, without waiting for a tick, and returns
// its answer. The function is named as in the contract.
func (s *Stack) Trigger(ctx context.Context, function string) ([]byte, error) {
	for _, rule := range s.stage.Rules {
		if short, err := s.options.short(rule.Function); err == nil && short == function {
			return s.functions[short].Invoke(ctx, s.scheduled(rule, time.Now()))
		}
	}
	return nil, fmt.Errorf("the templates have no rule that runs function %s", function)
}

// scheduled returns the event that EventBridge sends.
func (s *Stack) scheduled(rule cfn.Rule, at time.Time) []byte {
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": fmt.Sprintf("local-%d", at.UnixNano()), "detail-type": "Scheduled Event", "source": "aws.events",
		"account": s.stage.Place.Account, "region": s.stage.Place.Region, "time": at.UTC().Format(time.RFC3339),
		"resources": []string{rule.ARN}, "detail": struct{}{},
	})
	if err != nil {
		panic(err) // Texts can always be marshaled.
	}
	return event
}

// ticker ticks once in a period of the clock.
func ticker(every time.Duration) (ticks <-chan time.Time, stop func()) {
	t := time.NewTicker(every)
	return t.C, t.Stop
}
