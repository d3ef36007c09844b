package published

import (
	"testing"

	"github.com/tipstaff/tipstaff/shared/keys"
	"github.com/tipstaff/tipstaff/shared/listtest"
)

func TestEveryFieldOfAKeyIsStored(t *testing.T) {
	want := listtest.Filled[keys.Public](nil)
	it := Put("registry", *want).Sets()
	got, err := decode(it)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range listtest.Differences(&got, want) {
		t.Errorf("%s of a key is lost when it is stored", name)
	}
	if got, layout := listtest.Layout(it), "alg S, created N, jwk S, pk key, sk id-1, state S, until N"; got != layout {
		t.Errorf("the item of a key consists of\n%s, want what earlier releases wrote\n%s", got, layout)
	}
}
