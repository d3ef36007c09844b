package stack_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/tools/e2e/fixture"
)

// TestTheSameEventTwice: a route that gets one event of the HTTP API twice, as from a
// gateway that retries, gives an equivalent second answer, and the tables do not
// change again. A sign-in is not here: two of them are two sign-ins.
func TestTheSameEventTwice(t *testing.T) {
	s, _ := start(t)
	issued := token(t, s)
	api := post(t, s, "/token", fixture.Operator, url.Values{"grant_type": {"client_credentials"}, "resource": {s.BaseURL() + contract.APIPath}, "scope": {contract.ScopeReady}})
	operator, _ := api.object["access_token"].(string)

	ada, adaAgain := openBrowser(t, s), ada(s)
	signOut := ada.form(t, s, contract.Logout.Path())
	session := func() url.Values {
		return url.Values{"client_id": {fixture.Phone}, "grant_type": {"refresh_token"}, "refresh_token": {signIn(t, s, fixture.Phone).refresh}}
	}
	info := tokensOf(post(t, s, "/token", fixture.Notes, redemption(code(t, s, adaAgain)))).access
	revocation := url.Values{"client_id": {fixture.Phone}, "token": {signIn(t, s, fixture.Phone).refresh}}

	for _, tt := range []struct {
		function      contract.Function
		headers       map[string]string
		form          url.Values
		first, second int
	}{
		{contract.Health, nil, nil, 200, 200},
		{contract.Home, nil, nil, 200, 200},
		{contract.Discovery, nil, nil, 200, 200},
		{contract.JWKS, nil, nil, 200, 200},
		{contract.Ready, map[string]string{"authorization": "Bearer " + operator}, nil, 200, 200},
		{contract.Token, basic(s, fixture.Machine), orders, 200, 200},
		{contract.Introspect, basic(s, fixture.OrdersServer), url.Values{"token": {issued}}, 200, 200},
		{contract.Token, nil, session(), 200, 200},
		{contract.Refresh, nil, session(), 200, 200},
		{contract.MySessions, ada.headers(s), nil, 200, 200},
		{contract.Account, ada.headers(s), nil, 200, 200},
		{contract.UserInfo, map[string]string{"authorization": "Bearer " + info}, nil, 200, 200},
		{contract.Revoke, nil, revocation, 200, 200},
		// The second time the page reports that the browser is signed out.
		{contract.Logout, ada.headers(s), signOut, 303, 200},
	} {
		t.Run(tt.function.Name, func(t *testing.T) {
			event := event(t, tt.function, tt.headers, tt.form)
			if status := invoke(t, s, tt.function.Name, event); status != tt.first {
				t.Fatalf("first invocation = %v, want %d", status, tt.first)
			}
			once := tables(t, s)
			if status := invoke(t, s, tt.function.Name, event); status != tt.second {
				t.Errorf("second invocation = %v, want %d", status, tt.second)
			}
			for table, twice := range tables(t, s) {
				if twice != once[table] {
					t.Errorf("table %s after two invocations:\n%s\nwant as after one:\n%s", table, twice, once[table])
				}
			}
		})
	}
}

// TestTheSameRotationTwice: a repeated step of a finished rotation, as Secrets Manager
// sends it when it lost an answer, changes nothing.
func TestTheSameRotationTwice(t *testing.T) {
	s, _ := start(t)
	current := versions(t, s)["AWSCURRENT"]
	once := tables(t, s)
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		event, err := json.Marshal(map[string]string{"Step": step, "SecretId": secretARN(t, s), "ClientRequestToken": current})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Invoke(t.Context(), contract.Rotate.Name, event); err != nil {
			t.Errorf("repeated step %s: %v, want it done", step, err)
		}
	}
	if again := versions(t, s)["AWSCURRENT"]; again != current {
		t.Errorf("the current version is %s, want still %s", again, current)
	}
	for table, twice := range tables(t, s) {
		if twice != once[table] {
			t.Errorf("table %s after two rotations:\n%s\nwant as after one:\n%s", table, twice, once[table])
		}
	}
}

// event is an event of the HTTP API (payload format 2.0).
func event(t *testing.T, f contract.Function, headers map[string]string, form url.Values) []byte {
	t.Helper()
	if headers == nil {
		headers = map[string]string{}
	}
	headers["host"] = "localhost"
	method, cookies := http.MethodGet, []string{}
	if cookie, ok := headers["cookie"]; ok {
		cookies = strings.Split(cookie, "; ")
		delete(headers, "cookie")
	}
	if form != nil {
		method = http.MethodPost
	}
	e := map[string]any{
		"version": "2.0", "routeKey": "ANY " + f.Path(), "rawPath": f.Path(), "rawQueryString": "", "headers": headers, "cookies": cookies,
		"requestContext": map[string]any{
			"accountId": "000000000000", "apiId": "api", "domainName": "localhost", "requestId": "the-same-id", "stage": "$default",
			"routeKey": "ANY " + f.Path(), "timeEpoch": time.Now().UnixMilli(),
			"http": map[string]any{"method": method, "path": f.Path(), "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
		},
	}
	if form != nil {
		headers["content-type"] = "application/x-www-form-urlencoded"
		e["body"] = base64.StdEncoding.EncodeToString([]byte(form.Encode()))
		e["isBase64Encoded"] = true
	}
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func invoke(t *testing.T, s *fixture.Stack, function string, event []byte) int {
	t.Helper()
	out, err := s.Invoke(t.Context(), function, event)
	if err != nil {
		t.Fatalf("invoke %s: %v", function, err)
	}
	var answer struct {
		StatusCode int `json:"statusCode"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%s answered %q: %v", function, out, err)
	}
	return answer.StatusCode
}

func basic(s *fixture.Stack, id string) map[string]string {
	return map[string]string{"authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+s.Secrets[id]))}
}

func tables(t *testing.T, s *fixture.Stack) map[string]string {
	t.Helper()
	all, err := s.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// secretARN is the ARN of the stage's only secret.
func secretARN(t *testing.T, s *fixture.Stack) string {
	t.Helper()
	return *describe(t, s).ARN
}

// versions maps the labels of the secret's versions to their ids.
func versions(t *testing.T, s *fixture.Stack) map[string]string {
	t.Helper()
	labels := map[string]string{}
	for id, stages := range describe(t, s).VersionIdsToStages {
		for _, label := range stages {
			labels[label] = id
		}
	}
	return labels
}

func describe(t *testing.T, s *fixture.Stack) *secretsmanager.DescribeSecretOutput {
	t.Helper()
	name := contract.SecretName(contract.Staging.Name, contract.Secrets[0])
	out, err := s.SecretsManager().DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &name})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
