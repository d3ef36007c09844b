package registry_test

import (
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/client"
)

const basic = `
resources:
  - id: https://api.example.com
    scopes: {read: Read, write: Write}
clients:
  - id: worker
    name: Worker
    grants: [client_credentials]
    access: [{resource: https://api.example.com, scopes: [read]}]
users:
  - {user_name: Ann, email: ann@example.com}
`

func TestApplyTwice(t *testing.T) {
	b := newBench(t)
	if got, want := b.plan(basic, false).String(), strings.TrimPrefix(`
+ resource  https://api.example.com
+ client    worker                   gets a new secret
+ user      ann

3 to create, 0 to update, 0 to delete, 0 unchanged.
`, "\n"); got != want {
		t.Errorf("plan =\n%s, want\n%s", got, want)
	}
	secrets := b.apply(basic, false)
	if err := b.authenticate("worker", secrets["worker"]); err != nil || len(secrets) != 1 {
		t.Errorf("secrets = %v and worker's does not work: %v", secrets, err)
	}
	before, trail := b.scan(b.Table), b.trail()
	if len(trail) != 3 {
		t.Errorf("trail = %q, want three entries", trail)
	}

	plan := b.plan(basic, true)
	if n := len(plan.Pending()); n != 0 || plan.String() != "Nothing to do: 3 unchanged.\n" {
		t.Errorf("second plan =\n%s with %d changes, want nothing to do", plan, n)
	}
	var calls []string
	counted := b.faulty(func(next aws.HTTPClient, r *http.Request) (*http.Response, error) {
		calls = append(calls, operation(r))
		return next.Do(r)
	})
	again := counted.apply(basic, true)
	if !reflect.DeepEqual(calls, []string{"Scan"}) {
		t.Errorf("second apply called %v, want one Scan and no write", calls)
	}
	if len(again) != 0 {
		t.Errorf("second apply made secrets for %v, want none", slices.Collect(maps.Keys(again)))
	}
	if after := b.scan(b.Table); !reflect.DeepEqual(after, before) || len(b.trail()) != 3 {
		t.Errorf("second apply changed the tables:\n%v\nwant\n%v", after, before)
	}
	if err := b.authenticate("worker", secrets["worker"]); err != nil {
		t.Errorf("the secret of the first apply after the second: %v", err)
	}
}

func TestApplyUpdate(t *testing.T) {
	b := newBench(t)
	secret := b.apply(basic, false)["worker"]
	// What another release keeps in the item must stay.
	_, err := b.DB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &b.Table, Key: client.ClientKey("worker"), UpdateExpression: new("SET later = :v"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": &types.AttributeValueMemberS{Value: "kept"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const changed = `
resources:
  - id: https://api.example.com
    lifetime: 10m
    scopes: {read: Read, admin: Administer}
clients:
  - id: worker
    grants: [client_credentials]
    access: [{resource: https://api.example.com, scopes: [read, admin]}]
    disabled: true
users:
  - {user_name: ann, email: ann@example.org}
`
	if got, want := b.plan(changed, false).String(), strings.TrimPrefix(`
~ resource  https://api.example.com  lifetime 5m -> 10m
                                     scope admin (none) -> "Administer"
                                     scope write "Write" -> (none)
~ client    worker                   access https://api.example.com scopes read -> scopes read, admin
                                     disabled (none) -> yes
                                     name "Worker" -> (none)
~ user      ann                      user_name Ann -> ann
                                     email ann@example.com -> ann@example.org

0 to create, 3 to update, 0 to delete, 0 unchanged.
`, "\n"); got != want {
		t.Errorf("plan =\n%s, want\n%s", got, want)
	}
	if secrets := b.apply(changed, false); len(secrets) != 0 {
		t.Errorf("update made secrets for %v, want none", secrets)
	}
	if err := b.authenticate("worker", secret); !errors.Is(err, client.ErrDisabled) {
		t.Errorf("the secret after the update = %v, want it to be right and the client disabled", err)
	}
	for _, it := range b.scan(b.Table) {
		if str(it["pk"]) == "client#worker" && (str(it["later"]) != "kept" || it["name"] != nil) {
			t.Errorf("item after the update = %v, want the attribute later kept and no name", it)
		}
	}
	want := []string{
		"tester resource.update resource#https://api.example.com; lifetime 5m -> 10m; " +
			`scope admin "Administer"; scope write "Write" -> (none)`,
		"tester client.update client#worker; access https://api.example.com scopes read -> scopes read, admin; " +
			`disabled yes; name "Worker" -> (none)`,
	}
	trail := b.trail()
	if len(trail) != 6 || !reflect.DeepEqual(trail[3:5], want) {
		t.Errorf("trail = %q, want it to end with %q and a user", trail, want)
	}
	if last := trail[5]; !strings.Contains(last, "user.update user#usr_") || strings.Contains(last, "ann") {
		t.Errorf("entry = %q, want one about the user that names no person", last)
	}
	if plan := b.plan(changed, false); len(plan.Pending()) != 0 {
		t.Errorf("plan after apply =\n%s, want nothing", plan)
	}
}

func TestGivenSecrets(t *testing.T) {
	b := newBench(t)
	made := b.apply("clients: [{id: a}]", false)["a"]
	next := client.NewSecret()
	sum := client.HashSecret(next)
	given := "clients: [{id: a, secrets: [{sha256: '" + hexOf(sum) + "', expires: 2099-01-01T00:00:00Z}]}]"
	if got := b.plan(given, false).String(); !strings.Contains(got, "secret "+sum.ID+" (none) -> expires 2099-01-01T00:00:00Z") ||
		!strings.Contains(got, "secret "+client.HashSecret(made).ID+" never expires -> (none)") {
		t.Errorf("plan =\n%s, want one secret replaced by another", got)
	}
	if secrets := b.apply(given, false); len(secrets) != 0 {
		t.Errorf("apply made %v, want no secret", secrets)
	}
	if err := b.authenticate("a", made); !errors.Is(err, client.ErrSecret) {
		t.Errorf("replaced secret = %v, want ErrSecret", err)
	}
	if err := b.authenticate("a", next); err != nil {
		t.Errorf("given secret = %v, want it to work", err)
	}
	if plan := b.plan("clients: [{id: a}]", false); len(plan.Pending()) != 0 {
		t.Errorf("plan without secrets =\n%s, want the stored ones kept", plan)
	}
}

func TestPrune(t *testing.T) {
	b := newBench(t)
	b.apply(basic, false)
	const other = "clients: [{id: other}]\nresources: []\n"
	if got, want := b.plan(other, false).String(), strings.TrimPrefix(`
+ client    other                    gets a new secret
  client    worker                   not in the file, kept
  resource  https://api.example.com  not in the file, kept

1 to create, 0 to update, 0 to delete, 0 unchanged, 2 not in the file (--prune deletes).
`, "\n"); got != want {
		t.Errorf("plan =\n%s, want\n%s", got, want)
	}
	b.apply(other, true)
	var left []string
	for _, it := range b.scan(b.Table) {
		left = append(left, strings.SplitN(str(it["pk"]), "_", 2)[0])
	}
	slices.Sort(left)
	if want := []string{"client#other", "user#usr", "username#ann"}; !reflect.DeepEqual(left, want) {
		t.Errorf("left after prune = %v, want %v: the file has no section of users", left, want)
	}
	b.apply("users: []", true)
	if items := b.scan(b.Table); len(items) != 1 {
		t.Errorf("left after prune of users = %v, want the client only", items)
	}
	trail := b.trail()
	if n := len(trail); n != 8 || !strings.Contains(strings.Join(trail[6:], " "), "tester user.delete user#usr_") {
		t.Errorf("trail = %q, want 8 entries, the last of a user signed out and deleted", trail)
	}
	// The name is free again.
	b.apply("users: [{user_name: ANN}]", false)
}
