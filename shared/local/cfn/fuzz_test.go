package cfn_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// FuzzParse reads any text as the template of the service. The result is a stage
// or an error of one line that names the stack.
func FuzzParse(f *testing.F) {
	data := []byte(read(f, dataFile, "", ""))
	f.Add([]byte(read(f, serviceFile, "", "")))
	f.Add(data)
	for _, text := range []string{
		`{"Resources":{"Ref":"A"}}`, `{"Resources":{"A":{"Type":"AWS::IAM::Role","Properties":{"Ref":"A"}}}}`,
		`{"Resources":{"A":{"Type":"AWS::Lambda::Function","Properties":{"FunctionName":{"Ref":"A"}}}}}`,
		`{"Resources":{"A":{"Type":"AWS::Lambda::Version","Properties":{}}},"Outputs":{"Fn::Join":1}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		stage, err := cfn.Parse(cfn.Local, cfn.Source{Stack: "shop-data", JSON: data}, cfn.Source{Stack: "shop-service", JSON: text})
		if (stage == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v, want one of them", stage, err)
		}
		if err == nil {
			return
		}
		if _, ok := errors.AsType[*cfn.Error](err); !ok && !strings.Contains(err.Error(), "template of stack shop-service is broken: ") {
			t.Errorf("Parse = %v, want an error that names the stack", err)
		}
	})
}
