package device_test

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
	domain "github.com/tipstaff/tipstaff/shared/device"
	"github.com/tipstaff/tipstaff/shared/httpapi/websec"
	"github.com/tipstaff/tipstaff/shared/route/pagetest"
	"github.com/tipstaff/tipstaff/shared/route/routetest"
	"github.com/tipstaff/tipstaff/shared/web"
)

// SECURITY.md: a form counts only for the login, the code and the request that it
// was shown for (Dex CVE-2022-39222, code phishing), and no other site can send it.
func TestForgedForms(t *testing.T) {
	l := newLiving(t)
	codes, others := l.start(tvID), l.start(tvID)
	good := answered(l.asked(codes), web.Allow)
	theirs := answered(l.asked(others), web.Allow)
	entry := l.typed(l.browser, codes.User.String())
	_, second := l.Login(l.Ada)
	next := pagetest.Open(l.route, second)
	next.Cookies[websec.FormCookie] = l.browser.Cookies[websec.FormCookie]
	l.AddUser("eve")
	eve, _ := l.People().Find(t.Context(), "eve")
	_, hers := l.Login(eve.Subject)
	attacker := pagetest.Open(l.route, hers)
	attackers := l.typed(attacker, codes.User.String())

	post := func(f url.Values) func() routetest.Answer {
		return func() routetest.Answer { return l.browser.Post("/device", f) }
	}
	for name, send := range map[string]func() routetest.Answer{
		"another site": func() routetest.Answer {
			return l.browser.PostFrom("/device", good, "https://evil.example", "cross-site")
		},
		"a neighbour":                      func() routetest.Answer { return l.browser.PostFrom("/device", good, routetest.App, "same-site") },
		"nobody knows where":               func() routetest.Answer { return l.browser.PostFrom("/device", good, "", "") },
		"another browser":                  func() routetest.Answer { return pagetest.Open(l.route, l.cookie).Post("/device", good) },
		"the next login of the browser":    func() routetest.Answer { return next.Post("/device", good) },
		"no token":                         post(with(good, "csrf", "")),
		"a changed token":                  post(with(good, "csrf", good.Get("csrf")+"x")),
		"the token of the other device":    post(with(good, "csrf", theirs.Get("csrf"))),
		"the other device's code":          post(with(good, "user_code", others.User.String())),
		"the other device's request":       post(with(good, "request", theirs.Get("request"))),
		"no request":                       post(with(good, "request", "")),
		"no code":                          post(with(good, "user_code", "")),
		"a code that is none":              post(with(good, "user_code", "BCDF-GHJ0")),
		"the token of the code's own form": post(with(good, "csrf", entry.Get("csrf"))),
		"an answer that is none":           post(with(good, "decision", "always")),
		"a code with somebody else's form": post(with(entry, "csrf", attackers.Get("csrf"))),
		"a code with the question's token": post(with(entry, "csrf", good.Get("csrf"))),
		"a code without a token":           post(with(entry, "csrf", "")),
	} {
		got := send()
		if got.Status != http.StatusBadRequest && got.Status != http.StatusForbidden || !strings.Contains(got.Body, "<h1>") || question(got) {
			t.Errorf("%s: answer = %d %s, want a refusal as a page", name, got.Status, got.Body)
		}
	}
	for _, c := range []*domain.Codes{codes, others} {
		if err := l.poll(c); !errors.Is(err, domain.ErrPending) {
			t.Errorf("a device polls %v, want pending", err)
		}
	}
	// An hour later the form is too old; the login has been in use.
	for range 3 {
		l.Pass(25 * time.Minute)
		l.browser.Get("/device")
	}
	says(t, "an old form", l.browser.Post("/device", entry), 400, web.ExpiredForm)
	says(t, "an old question", l.browser.Post("/device", good), 400, web.ExpiredForm)
}

// The form of the decision does not reveal whether a code exists: without the right
// token nothing is looked up.
func TestAnswersAreNoOracle(t *testing.T) {
	l := newLiving(t)
	codes := l.start(tvID)
	form := answered(l.asked(codes), web.Allow)
	count := l.Count()
	b := pagetest.Open(l.Route(contract.Device, l.handler()), l.cookie)
	b.Cookies[websec.FormCookie] = l.browser.Cookies[websec.FormCookie]
	other := l.start(tvID)
	var bodies []string
	for _, code := range []string{other.User.String(), wrong(1, codes, other)[0]} {
		count.Calls = nil
		got := b.Post("/device", with(form, "user_code", code))
		says(t, code, got, 400, web.ExpiredForm)
		if calls := strings.Join(count.Calls, " "); calls != "GetItem GetItem" {
			t.Errorf("%s: took %s, want login and person only", code, calls)
		}
		body, _, _ := strings.Cut(strings.ReplaceAll(got.Body, code, "CODE"), `name="csrf"`)
		bodies = append(bodies, body)
	}
	if bodies[0] != bodies[1] {
		t.Errorf("a code that exists gets %s and one that does not %s", bodies[0], bodies[1])
	}
}

// A code that has expired may be given to another device. The answer to the
// question about the first one is none for the second.
func TestCodeThatWasGivenAgain(t *testing.T) {
	l := newLiving(t)
	first := l.start(tvID)
	form := answered(l.asked(first), web.Allow)
	table := l.Table(contract.Sessions)
	userCodes := func() []map[string]types.AttributeValue {
		out, err := l.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, FilterExpression: new("sk = :sk"), ExpressionAttributeValues: map[string]types.AttributeValue{
			":sk": &types.AttributeValueMemberS{Value: "usercode"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Items
	}
	old := userCodes()
	second := l.start(tvID)
	for _, it := range userCodes() {
		if reflect.DeepEqual(it, old[0]) {
			continue
		}
		again := maps.Clone(old[0])
		again["device"] = it["device"]
		if _, err := l.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: again}); err != nil {
			t.Fatal(err)
		}
		break
	}
	says(t, "answer for the first", l.browser.Post("/device", form), 400, web.ExpiredCode)
	for name, codes := range map[string]*domain.Codes{"first": first, "second": second} {
		if err := l.poll(codes); !errors.Is(err, domain.ErrPending) {
			t.Errorf("the %s device polls %v, want pending", name, err)
		}
	}
}
