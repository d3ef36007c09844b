package local_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local"
	"github.com/tipstaff/tipstaff/shared/local/localtest"
)

// The values are those of the templates or of the options. Mail always goes to a
// folder.
func TestOptionsReplaceVariablesOfTheTemplates(t *testing.T) {
	asTheTemplates, asWeSay := localtest.Options(t), localtest.Options(t)
	asWeSay.ClientDocuments, asWeSay.Registration, asWeSay.Mail = "a.example,b.example", "open", "off"
	for _, tt := range []struct {
		options local.Options
		want    []string
	}{
		{asTheTemplates, []string{`"TIPSTAFF_CLIENT_DOCUMENTS=off"`, `"TIPSTAFF_REGISTRATION=token"`, `"TIPSTAFF_MAIL=file:` + filepath.Join(asTheTemplates.Dir, "mail") + `"`}},
		{asWeSay, []string{`"TIPSTAFF_CLIENT_DOCUMENTS=a.example,b.example"`, `"TIPSTAFF_REGISTRATION=open"`, `"TIPSTAFF_MAIL=off"`}},
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

// A function has another working directory. Other commands find the folder in the
// state of the stack.
func TestMailFolderIsAbsolute(t *testing.T) {
	o := localtest.Options(t)
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	letters := filepath.Join(filepath.Dir(o.Dir), "letters")
	relative, err := filepath.Rel(here, letters)
	if err != nil {
		t.Fatal(err)
	}
	o.Mail = "file:" + relative
	s := start(t, o)
	want := "file:" + letters
	if _, body := get(t, s.BaseURL()+"/anything"); !strings.Contains(body, `"TIPSTAFF_MAIL=`+want+`"`) {
		t.Errorf("variables = %s, want mail to %s", body, want)
	}
	if state, err := local.ReadState(o.Dir); err != nil || state.Mail != want {
		t.Errorf("state = %+v, %v, want mail to %s", state, err, want)
	}
}

func TestWrongOptionIsRefused(t *testing.T) {
	for _, spoil := range []func(*local.Options){
		func(o *local.Options) { o.ClientDocuments = "*.example.com" },
		func(o *local.Options) { o.Registration = "everybody" },
		func(o *local.Options) { o.Mail = "on" },
		func(o *local.Options) { o.Mail = "ses:login@example.com" },
	} {
		o := localtest.Options(t)
		spoil(&o)
		s, err := local.Start(t.Context(), o)
		if err == nil {
			s.Close()
			t.Errorf("a stack with client documents %q, registration %q and mail %q started", o.ClientDocuments, o.Registration, o.Mail)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("error = %q, want one sentence", err)
		}
	}
}
