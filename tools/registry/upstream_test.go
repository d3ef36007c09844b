package registry_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/dynamo"
	"github.com/tipstaff/tipstaff/shared/upstream"
	"github.com/tipstaff/tipstaff/tools/registry"
)

const upstreams = `
upstreams:
  - {id: google, type: google, client_id: "1.apps", first_sign_in: domains, domains: [example.com, example.org]}
  - {id: user, name: Ours, type: oidc, issuer: "https://id.example.com/", client_id: ours, scopes: [openid], first_sign_in: create}
`

func TestParseUpstreams(t *testing.T) {
	doc := parse(t, upstreams+"  - {id: hub, type: github, issuer: \"https://github.example.com\", client_id: Iv1, name: Our GitHub, disabled: true}\n")
	want := []upstream.Upstream{
		{
			ID: "google", Name: "Google", Type: "google", Issuer: "https://accounts.google.com", ClientID: "1.apps",
			Scopes: []string{"openid", "email", "profile"}, FirstSignIn: "domains", Domains: []string{"example.com", "example.org"},
		},
		{
			ID: "user", Name: "Ours", Type: "oidc", Issuer: "https://id.example.com/", ClientID: "ours",
			Scopes: []string{"openid"}, FirstSignIn: "create",
		},
		{
			ID: "hub", Name: "Our GitHub", Type: "github", Issuer: "https://github.example.com", ClientID: "Iv1",
			Scopes: []string{"read:user", "user:email"}, FirstSignIn: "invitation", Disabled: true,
		},
	}
	if !reflect.DeepEqual(doc.Upstreams, want) {
		t.Errorf("Parse =\n%+v, want\n%+v", doc.Upstreams, want)
	}
	if !doc.Has(registry.KindUpstream) || doc.Has(registry.KindUser) {
		t.Errorf("sections = %v, want upstreams alone", doc.Sections)
	}
}

func TestParseUpstreamBounds(t *testing.T) {
	var domains strings.Builder
	for i := range 51 {
		fmt.Fprintf(&domains, "      - d%d.example.com\n", i)
	}
	const head = "upstreams:\n  - id: a\n    type: google\n    client_id: a\n    first_sign_in: domains\n    domains:\n"
	_, err := registry.Parse("f.yaml", []byte(head+domains.String()))
	if want := "f.yaml:7:7: domains has more than 50 entries"; err == nil || err.Error() != want {
		t.Errorf("Parse(51 domains) = %v, want %s", err, want)
	}
	fifty := strings.TrimSuffix(domains.String(), "      - d50.example.com\n")
	if _, err := registry.Parse("f.yaml", []byte(head+fifty)); err != nil {
		t.Errorf("Parse(50 domains) = %v, want them all", err)
	}
}

// Upstreams are created, changed and deleted like other entries, even when the id is
// the sort key of another kind.
func TestApplyUpstreams(t *testing.T) {
	b := newBench(t)
	b.apply("users: [{user_name: ann}]\nclients: [{id: worker}]", false)
	if got, want := b.plan(upstreams, true).String(), strings.TrimPrefix(`
+ upstream  google
+ upstream  user

2 to create, 0 to update, 0 to delete, 0 unchanged.
`, "\n"); got != want {
		t.Errorf("plan =\n%s, want\n%s", got, want)
	}
	b.apply(upstreams, true)
	if plan := b.plan(upstreams, true); plan.String() != "Nothing to do: 2 unchanged.\n" {
		t.Errorf("second plan =\n%s, want nothing to do", plan)
	}

	const changed = `
upstreams:
  - {id: google, type: google, client_id: "1.apps", disabled: true}
`
	if got, want := b.plan(changed, false).String(), strings.TrimPrefix(`
~ upstream  google  first_sign_in domains -> invitation
                    disabled (none) -> yes
                    domains example.com, example.org -> (none)
  upstream  user    not in the file, kept

0 to create, 1 to update, 0 to delete, 0 unchanged, 1 not in the file (--prune deletes).
`, "\n"); got != want {
		t.Errorf("plan =\n%s, want\n%s", got, want)
	}
	b.apply(changed, true)
	for _, it := range b.scan(b.Table) {
		if str(it["pk"]) != "upstreams" {
			continue
		}
		u, err := upstream.Decode(it)
		if err != nil || u.ID != "google" || !u.Disabled || u.Domains != nil || u.FirstSignIn != "invitation" || u.Revision != 2 {
			t.Errorf("stored = %+v, %v, want google alone, disabled, by invitation", u, err)
		}
	}
	if u := b.user("ann"); u.Disabled || u.Revision != 1 {
		t.Errorf("ann = %+v, want her as she was", u)
	}
	got := b.trail()[2:]
	want := []string{
		`tester upstream.create upstream#google; client_id 1.apps; domains example.com, example.org; first_sign_in domains; ` +
			`issuer https://accounts.google.com; name "Google"; scopes openid, email, profile; type google`,
		`tester upstream.create upstream#user; client_id ours; first_sign_in create; issuer https://id.example.com/; name "Ours"; scopes openid; type oidc`,
		`tester upstream.update upstream#google; disabled yes; domains example.com, example.org -> (none); first_sign_in domains -> invitation`,
		`tester upstream.delete upstream#user; client_id ours -> (none); first_sign_in create -> (none); issuer https://id.example.com/ -> (none); ` +
			`name "Ours" -> (none); scopes openid -> (none); type oidc -> (none)`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("trail =\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// With all sections in the file, upstreams are created before users and deleted after
// them.
func TestOrderOfUpstreams(t *testing.T) {
	b := newBench(t)
	const all = "users: [{user_name: ann}]\nclients: [{id: worker}]\nresources: [{id: urn:a:b}]\nupstreams: [{id: hub, type: github, client_id: a}]"
	var order []string
	for _, p := range []*registry.Plan{b.plan(all, true), nil} {
		if p == nil {
			b.apply(all, true)
			p = b.plan("users: []\nclients: []\nresources: []\nupstreams: []", true)
		}
		for i := range p.Changes {
			order = append(order, fmt.Sprint(p.Changes[i].Op, " ", p.Changes[i].Kind))
		}
	}
	want := []string{
		"create resource", "create client", "create upstream", "create user",
		"delete user", "delete upstream", "delete client", "delete resource",
	}
	if !slices.Equal(order, want) {
		t.Errorf("order = %v, want %v", order, want)
	}
}

// The entries of a section that the file does not have are neither read nor changed.
func TestUpstreamsThatTheFileDoesNotSpeakOf(t *testing.T) {
	b := newBench(t)
	b.apply(upstreams, false)
	if plan := b.plan("clients: []\nusers: []", true); len(plan.Changes) != 0 {
		t.Errorf("plan of other sections =\n%s, want nothing", plan)
	}
	b.apply("upstreams: []", true)
	if plan := b.plan(upstreams, false); plan.Count(registry.Create) != 2 {
		t.Errorf("plan after all were deleted =\n%s, want two to create", plan)
	}
}

// Attributes of another release stay in the item; a broken item stops the plan.
func TestUpstreamItems(t *testing.T) {
	b := newBench(t)
	b.apply(upstreams, false)
	set := func(expression string, value types.AttributeValue) {
		t.Helper()
		_, err := b.DB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: &b.Table, Key: upstream.Key("google"), UpdateExpression: &expression,
			ExpressionAttributeNames: map[string]string{"#type": "type"}, ExpressionAttributeValues: dynamo.Item{":v": value},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	set("SET later = :v, #type = #type", dynamo.Text("kept"))
	b.apply(strings.Replace(upstreams, "domains, domains: [example.com, example.org]", "create", 1), false)
	for _, it := range b.scan(b.Table) {
		if str(it["sk"]) == "upstream#google" && (str(it["later"]) != "kept" || it["domains"] != nil) {
			t.Errorf("item after the update = %v, want the attribute later kept and no domains", it)
		}
	}
	set("SET #type = :v", dynamo.Text("saml"))
	if p, err := b.Plan(t.Context(), parse(t, upstreams), false); err == nil || !strings.Contains(err.Error(), `upstream "google" in the registry: attribute type`) {
		t.Errorf("Plan over a broken item = %v, %v, want an error that names it", p, err)
	}
}

// Of two applies of one plan one succeeds, and a lost answer is found in the trail.
func TestUpstreamFaults(t *testing.T) {
	b := newBench(t)
	plans := []*registry.Plan{b.plan(upstreams, false), b.plan(upstreams, false)}
	errs := make([]error, len(plans))
	var wg sync.WaitGroup
	for i, p := range plans {
		wg.Go(func() { errs[i] = b.Apply(t.Context(), p, func(registry.Applied) {}) })
	}
	wg.Wait()
	winner, loser := errs[0], errs[1]
	if winner != nil {
		winner, loser = loser, winner
	}
	if winner != nil || !errors.Is(loser, registry.ErrChanged) {
		t.Errorf("two applies = %v and %v, want one nil and one ErrChanged", errs[0], errs[1])
	}
	lossy := b.faulty(func(next aws.HTTPClient, r *http.Request) (*http.Response, error) {
		resp, err := next.Do(r)
		if operation(r) == "TransactWriteItems" && err == nil {
			_ = resp.Body.Close()
			return nil, io.ErrUnexpectedEOF
		}
		return resp, err
	})
	lossy.apply("upstreams: []", true)
	if plan := b.plan("upstreams: []", true); len(plan.Changes) != 0 {
		t.Errorf("plan after an apply without answers =\n%s, want nothing", plan)
	}
}

// A file that changes a user changes none of the user's credentials.
func TestUpdateKeepsWaysToSignIn(t *testing.T) {
	b := newBench(t)
	b.apply("users: [{user_name: ann, email: ann@example.com, email_verified: true}]", false)
	u := b.user("ann")
	_, err := b.DB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &b.Table, Key: dynamo.UserKey(u.Subject), UpdateExpression: new("SET otp = :yes, creds = :n, auth_gen = :n, later = :yes"),
		ExpressionAttributeValues: dynamo.Item{":yes": dynamo.Flag(true), ":n": dynamo.Number(7)},
	})
	if err != nil {
		t.Fatal(err)
	}
	const same = "users: [{user_name: Ann, name: Ann}]"
	b.apply(same, false)
	if after := b.user("ann"); !after.OTP || after.Credentials != 7 || after.AuthGen != 7 || after.UserName != "Ann" || after.Email != "" || after.EmailVerified {
		t.Errorf("ann = %+v, want the authenticator app and both counters, and no address", after)
	}
	b.apply("users: [{user_name: Ann, disabled: true}]", false)
	b.apply(same, false)
	after := b.user("ann")
	if !after.OTP || after.Credentials != 7 || after.AuthGen != 8 || after.Disabled {
		t.Errorf("ann disabled and enabled = %+v, want the same, signed out once", after)
	}
	for _, it := range b.scan(b.Table) {
		if str(it["sk"]) == "user" && it["later"] == nil {
			t.Error("an attribute of a later release was lost")
		}
	}
}
