package websec_test

import (
	"context"
	"testing"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
)

// No preflight has a document fetched, or an id verified.
func TestOriginsOfStrangers(t *testing.T) {
	asked := func(_ context.Context, id string) (*client.Client, error) {
		t.Errorf("the client %s was looked for", id)
		return &client.Client{Origins: []string{"https://app.example.com"}}, nil
	}
	origins := websec.Origins(&client.Store{Documents: asked, Registered: asked})
	for _, id := range []string{"https://app.example.com/client.json", "tsd_x", "", "a b"} {
		if ok, err := origins(t.Context(), id, "https://app.example.com"); ok || err != nil {
			t.Errorf("origins of %q = %t, %v, want none", id, ok, err)
		}
	}
}
