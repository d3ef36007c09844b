package local_test

import (
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/localtest"
)

// Which clients may introduce themselves is as the templates say, or as whoever
// starts the stack does; and only functions are told that the templates tell.
func TestStrangers(t *testing.T) {
	asTheTemplates, asWeSay := localtest.Options(t), localtest.Options(t)
	asWeSay.ClientDocuments, asWeSay.Registration = "a.example,b.example", "open"
	for _, tt := range []struct {
		options local.Options
		want    []string
	}{
		{asTheTemplates, []string{`"TIPSTAFF_CLIENT_DOCUMENTS=off"`, `"TIPSTAFF_REGISTRATION=token"`}},
		{asWeSay, []string{`"TIPSTAFF_CLIENT_DOCUMENTS=a.example,b.example"`, `"TIPSTAFF_REGISTRATION=open"`}},
	} {
		s := start(t, tt.options)
		status, body := get(t, s.BaseURL()+"/anything")
		if status != 200 {
			t.Fatalf("answer = %d %s", status, body)
		}
		for _, want := range tt.want {
			if !strings.Contains(body, want) {
				t.Errorf("variables = %s, want %s", body, want)
			}
		}
	}
}

func TestStrangersRefused(t *testing.T) {
	for _, spoil := range []func(*local.Options){
		func(o *local.Options) { o.ClientDocuments = "*.example.com" },
		func(o *local.Options) { o.Registration = "everybody" },
	} {
		o := localtest.Options(t)
		spoil(&o)
		s, err := local.Start(t.Context(), o)
		if err == nil {
			s.Close()
			t.Errorf("a stack with client documents %q and registration %q started", o.ClientDocuments, o.Registration)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("error = %q, want one sentence", err)
		}
	}
}
