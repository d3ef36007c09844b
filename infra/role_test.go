package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// grant is one permission: an action on a resource.
type grant struct{ action, resource string }

// The role of a function allows exactly its Needs in the contract, and writing its own log.
func TestRolesEqualNeeds(t *testing.T) {
	for _, s := range Stages {
		for _, f := range contract.Functions() {
			t.Run(s.Name+"/"+f.Name, func(t *testing.T) {
				_, fn := service(s).lambda(t, s, f)
				id, _, _ := strings.Cut(strings.TrimPrefix(text(fn.Properties["Role"]), "${"), ".")
				got := grants(t, service(s).Resources[id])
				want := needs(t, s, f)
				slices.SortFunc(got, compareGrants)
				slices.SortFunc(want, compareGrants)
				if !slices.Equal(got, want) {
					t.Errorf("role of %s allows\n%v\nwant\n%v", f.Name, got, want)
				}
			})
		}
	}
}

func compareGrants(a, b grant) int {
	return strings.Compare(a.action+" "+a.resource, b.action+" "+b.resource)
}

// grants returns the permissions in the policies of a role.
func grants(t *testing.T, role resource) []grant {
	t.Helper()
	var all []grant
	for _, policy := range list(role.Properties["Policies"]) {
		for _, statement := range list(at(policy, "PolicyDocument", "Statement")) {
			keys := slices.Sorted(maps.Keys(statement.(map[string]any)))
			if !slices.Equal(keys, []string{"Action", "Effect", "Resource"}) || at(statement, "Effect") != "Allow" {
				t.Errorf("statement %v: got keys %v, want a plain Allow of actions on resources", statement, keys)
			}
			for _, action := range list(at(statement, "Action")) {
				for _, resource := range list(at(statement, "Resource")) {
					all = append(all, grant{text(action), text(resource)})
				}
			}
		}
	}
	return all
}

// needs returns the Needs of f on the resources of stage s, and its log.
func needs(t *testing.T, s Stage, f contract.Function) []grant {
	t.Helper()
	arns := map[contract.Resource]string{}
	for _, table := range contract.Tables {
		id, _ := data(s).one(t, "AWS::DynamoDB::GlobalTable", "TableName", contract.TableName(s.Name, table))
		arns[table.Name] = "${" + id + ".Arn} in " + stackName(s, "data")
	}
	for _, secret := range contract.Secrets {
		id, _ := data(s).one(t, "AWS::SecretsManager::Secret", "Name", contract.SecretName(s.Name, secret))
		arns[secret.Name] = "${" + id + "} in " + stackName(s, "data")
	}
	logs, _ := service(s).one(t, "AWS::Logs::LogGroup", "LogGroupName", "/aws/lambda/"+contract.FunctionName(s.Name, f))
	all := []grant{
		{"logs:CreateLogStream", "${" + logs + ".Arn}"},
		{"logs:PutLogEvents", "${" + logs + ".Arn}"},
	}
	for _, n := range f.Needs {
		arn := arns[n.Resource]
		if n.Resource == contract.Mail {
			continue // both stages send none
		}
		if n.Index != "" {
			arn += "/index/" + n.Index
		}
		for _, a := range n.Actions {
			all = append(all, grant{string(a), arn})
		}
	}
	return all
}

// The account page shows the actions of its user by one query of the trail's index by
// user. It may not read the trail itself.
func TestTrailIsReadByPerson(t *testing.T) {
	for _, s := range Stages {
		id, _ := data(s).one(t, "AWS::DynamoDB::GlobalTable", "TableName", "tipstaff-"+s.Name+"-audit")
		trail := "${" + id + ".Arn} in " + stackName(s, "data")
		for _, f := range contract.Functions() {
			_, fn := service(s).lambda(t, s, f)
			for _, g := range grantsOf(t, service(s), fn) {
				switch {
				case !strings.HasPrefix(g.resource, trail):
				case g == grant{"dynamodb:PutItem", trail}:
				case g == grant{"dynamodb:GetItem", trail} && f.Name == contract.Ready.Name: // of an item that is not there
				case g == grant{"dynamodb:Query", trail + "/index/by_sub"} && f.Name == contract.Account.Name:
				default:
					t.Errorf("%s: %s may %s on %s, want no other function to read the trail, and none to change it", s.Name, f.Name, g.action, g.resource)
				}
			}
		}
	}
}

// Only the functions have a role, and a role has only the policy that function.go writes.
func TestRolesAreOnlyOurs(t *testing.T) {
	for _, s := range Stages {
		roles := service(s).ofType("AWS::IAM::Role")
		if got, want := len(roles), len(contract.Functions()); got != want {
			t.Errorf("%s: got %d roles, want one per function, %d", s.Name, got, want)
		}
		equal(t, s.Name+": roles of the data stack", data(s).ofType("AWS::IAM::Role"), map[string]resource{})
		for id, role := range roles {
			keys := slices.Sorted(maps.Keys(role.Properties))
			if want := []string{"AssumeRolePolicyDocument", "Description", "Policies"}; !slices.Equal(keys, want) {
				t.Errorf("%s: role %s has %v, want %v", s.Name, id, keys, want)
			}
			trust := list(at(role.Properties, "AssumeRolePolicyDocument", "Statement"))
			if got := at(trust[0], "Principal", "Service"); len(trust) != 1 || got != "lambda.amazonaws.com" {
				t.Errorf("%s: role %s may be assumed by %v, want Lambda only", s.Name, id, trust)
			}
		}
		for name, template := range map[string]template{"data": data(s), "service": service(s)} {
			for id, r := range template.Resources {
				if strings.HasPrefix(r.Type, "AWS::IAM::") && r.Type != "AWS::IAM::Role" {
					t.Errorf("%s: %s has %s of type %s, want no policy outside of a role", s.Name, name, id, r.Type)
				}
			}
		}
	}
}

// wildcards are the values with a star that a template may hold, each with its reason.
var wildcards = []struct {
	value  *regexp.Regexp
	reason string
}{
	{
		regexp.MustCompile(`^/\*/\*/([a-z._-]+(/[a-z-]+|/\{id\})*)?$`),
		"the API that may invoke a function: the stars are its one stage and the method of an ANY route",
	},
}

func TestNoWildcards(t *testing.T) {
	used := make([]bool, len(wildcards))
	for stack, template := range synthesized() {
		var whole any
		if err := json.Unmarshal(template.text, &whole); err != nil {
			t.Fatal(err)
		}
		walk(whole, func(value string) {
			if !strings.Contains(value, "*") {
				return
			}
			for i, w := range wildcards {
				if w.value.MatchString(value) {
					used[i] = true
					return
				}
			}
			t.Errorf("%s contains %q, which no entry of wildcards allows", stack, value)
		})
	}
	for i, w := range wildcards {
		if !used[i] {
			t.Errorf("wildcard %s (%s) is not used any more", w.value, w.reason)
		}
	}
}

// walk calls f with every string in v, the names in objects included.
func walk(v any, f func(string)) {
	switch v := v.(type) {
	case string:
		f(v)
	case []any:
		for _, element := range v {
			walk(element, f)
		}
	case map[string]any:
		for name, element := range v {
			f(name)
			walk(element, f)
		}
	}
}
