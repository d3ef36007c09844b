package browser_test

import (
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// attacker is an account to which another site tries to sign a person in.
const attacker = "mallory"

// foreign is a page of another site. It shows our pages in frames, and its buttons post
// our forms with what another site can know. Its address may name one more page to show
// and post to.
var foreign = template.Must(template.New("foreign").Parse(`<!doctype html><title>another site</title>
<iframe src="{{.Base}}/login"></iframe><iframe src="{{.Base}}/account"></iframe>
<form method="post" action="{{.Base}}/account"><input type="hidden" name="action" value="end-others"><button>end others</button></form>
<form method="post" action="{{.Base}}/account"><input type="hidden" name="action" value="sign-out"><button>sign out</button></form>
{{with .Address}}<iframe src="{{$.Base}}{{.}}"></iframe><form method="post" action="{{$.Base}}{{.}}"><input type="hidden" name="decision" value="allow"><button>allow</button></form>{{end}}
<form method="post" action="{{.Base}}/logout"><button>log out</button></form>
<form method="post" action="{{.Base}}/login"><input type="hidden" name="user_name" value="{{.Attacker}}"><input type="hidden" name="password" value="{{.Password}}"><button>log in</button></form>`))

// otherSite serves the page until t ends. Its address is another site than localhost.
func otherSite(t *testing.T, base string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		err := foreign.Execute(w, struct{ Base, Attacker, Password, Address string }{base, attacker, password, r.URL.Query().Get("address")})
		if err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// shown is the page on which an application shows the parameters that it receives.
var shown = template.Must(template.New("shown").Parse(`<!doctype html><title>application</title><h1>Application</h1><pre>{{.Method}}
{{range $name, $values := .Form}}{{range $values}}{{$name}}: {{.}}
{{end}}{{end}}</pre><p>end of what came</p>`))

// application serves the redirect URI of clients until t ends and returns its origin. It
// is at a loopback address, which is another site than localhost.
func application(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/favicon.ico" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		err := r.ParseForm()
		if err == nil {
			err = shown.Execute(w, r)
		}
		if err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// clock is the time of a stack. Scripts move it on with a POST of seconds.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) pass(d time.Duration) { c.ahead.Add(int64(d)) }

func (c *clock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	seconds, err := strconv.Atoi(string(body))
	if err != nil {
		http.Error(w, fmt.Sprintf("%q is no number of seconds", body), http.StatusBadRequest)
		return
	}
	c.pass(time.Duration(seconds) * time.Second)
	w.WriteHeader(http.StatusNoContent)
}
