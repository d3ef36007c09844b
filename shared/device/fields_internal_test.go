package device

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/listtest"
)

// TestEveryFieldOfARequestIsStored: what a decision writes by attribute is among it.
func TestEveryFieldOfARequestIsStored(t *testing.T) {
	want := listtest.Filled[Request](nil)
	it := encode(want)
	s := &Store{Now: func(context.Context) time.Time { return time.Now() }}
	decision := s.deciding(t.Context(), want, want.state, want.Decision).Sets()
	for attribute := range strings.SplitSeq("sub auth_gen auth_time amr login login_ends", " ") {
		if it[attribute] = decision[attribute]; it[attribute] == nil {
			t.Errorf("a decision writes %v, want %q in it", decision, attribute)
		}
	}
	for _, name := range listtest.Differences(decoded(t, it), want) {
		t.Errorf("%s of a request is lost when it is stored", name)
	}
	listtest.Spoil(t, it, func(it map[string]types.AttributeValue) error {
		_, err := decode(it)
		return err
	}, "sk", "ttl", "next_at", "gap")
	const layout = "agent S, amr L S, aud L S, auth_gen N, auth_time N, client S, created N, expires N, gap N, id S, ip S, login S, login_ends N, " +
		"next_at N, pk device#, scope S, sk device, state S, sub S, ttl N"
	if got := listtest.Layout(it); got != layout {
		t.Errorf("the item of a request consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
}

func decoded(t *testing.T, it dynamo.Item) *Request {
	t.Helper()
	r, err := decode(it)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
