package apigw

import (
	"context"
	"regexp"
	"testing"
)

const trace = "1-5759e988-bd862e3fe1be46a994272793"

func TestTraceOfAnEvent(t *testing.T) {
	for header, want := range map[string]string{
		"Root=" + trace + ";Parent=53995c3f42cd8ad8;Sampled=1": trace,
		"Self=1-x;Root=" + trace:                               trace,
		"Root=" + trace + ";Lineage=25:1:0":                    trace,
		"Parent=53995c3f42cd8ad8":                              "",
		"Root=":                                                "",
		"Root=1-5759e988-bd862e3fe1be46a99427279":              "",
		"Root=1-5759e988-bd862e3fe1be46a9942727933":            "",
		"Root=1-5759e988-bd862e3fe1be46a99427279\n":            "",
		"Root=2-5759e988-bd862e3fe1be46a994272793":             "",
		"Root=1-5759E988-bd862e3fe1be46a994272793":             "",
		"": "",
	} {
		ctx := context.WithValue(context.Background(), lambdaTrace, header) //nolint:staticcheck // the library's key is a string
		if got := traceOf(ctx); got != want {
			t.Errorf("trace of %q = %q, want %q", header, got, want)
		}
	}
	if got := traceOf(context.Background()); got != "" {
		t.Errorf("trace of nothing = %q", got)
	}
}

// FuzzTrace: a caller of the API may write the header, and nothing but an id
// reaches the log.
func FuzzTrace(f *testing.F) {
	f.Add("Root=" + trace + ";Parent=53995c3f42cd8ad8;Sampled=1")
	f.Add("Root=1-;Root=" + trace)
	f.Add(";;=;Root")
	id := regexp.MustCompile(`^1-[0-9a-f]{8}-[0-9a-f]{24}$`)
	f.Fuzz(func(t *testing.T, header string) {
		if got := rootOf(header); got != "" && !id.MatchString(got) {
			t.Errorf("trace of %q = %q, want an id or nothing", header, got)
		}
	})
}
