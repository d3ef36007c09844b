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

// stranger is an account that another site would like a person to use.
const stranger = "stranger"

// elsewhere is a page of another site: it shows ours in a frame, and its
// buttons post our forms with what another site can know.
var elsewhere = template.Must(template.New("elsewhere").Parse(`<!doctype html><title>elsewhere</title>
<iframe src="{{.Base}}/login"></iframe><iframe src="{{.Base}}/account"></iframe>
<form method="post" action="{{.Base}}/account"><input type="hidden" name="action" value="end-others"><button>end others</button></form>
<form method="post" action="{{.Base}}/account"><input type="hidden" name="action" value="sign-out"><button>sign out</button></form>
<form method="post" action="{{.Base}}/logout"><button>log out</button></form>
<form method="post" action="{{.Base}}/login"><input type="hidden" name="user_name" value="{{.Stranger}}"><input type="hidden" name="password" value="{{.Password}}"><button>log in</button></form>`))

// otherSite serves that page until t ends. Its address is another site than
// localhost.
func otherSite(t *testing.T, base string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		err := elsewhere.Execute(w, struct{ Base, Stranger, Password string }{base, stranger, password})
		if err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/"
}

// clock is the time of a stack. Scripts move it by a POST with seconds.
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
