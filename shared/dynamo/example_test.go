package dynamo_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/dynamo"
)

// A user takes a name if it is free and the user may still be signed in. The database
// of this example reports that the name is taken.
func ExampleTx_Run() {
	db := alone((&faults{answers: repeat(1, cancelled("ConditionalCheckFailed", "None"))}).Do)
	errTaken, errStale := errors.New("the name is taken"), errors.New("the user has changed since they were read")

	err := dynamo.Tx{
		dynamo.Create("registry", dynamo.Key(contract.UserNamePrefix.Of("ada"), "username")).Else(errTaken),
		dynamo.CheckUser("registry", "usr_01", 4).Else(errStale),
	}.Run(context.Background(), db)

	fmt.Println(err)
	fmt.Println(errors.Is(err, errTaken), errors.Is(err, errStale), dynamo.Failed(err))
	// Output:
	// the name is taken
	// true false true
}

// A single update has the same parts as one in a transaction.
func ExampleUpdateInput() {
	in := dynamo.UpdateInput("registry", dynamo.UserKey("usr_01"),
		dynamo.Changes{Set: dynamo.Item{"name": dynamo.Text("Ada")}, Remove: []string{"nickname"}, Raise: []string{dynamo.AttrRevision}},
		dynamo.UserIs(4)...)

	fmt.Println(*in.UpdateExpression)
	fmt.Println(*in.ConditionExpression)
	// Output:
	// SET #name = :v0 REMOVE #nickname ADD #rev :v1
	// attribute_exists(pk) AND (attribute_not_exists(#disabled) OR #disabled = :v2) AND #auth_gen = :v3
}

// A reader keeps the first error, so that the caller checks once.
func ExampleReader() {
	it := dynamo.UserKey("usr_01")
	it["name"] = dynamo.Text("Ada")
	it[dynamo.AttrDisabled] = dynamo.Text("yes") // no flag

	r := dynamo.Reader{Item: it}
	subject, name := r.After(contract.PK, string(contract.UserPrefix)), r.Text("name")
	disabled, nickname := r.Flag(dynamo.AttrDisabled), r.Text("nickname")

	fmt.Printf("%q %q %v %q\n", subject, name, disabled, nickname)
	fmt.Println(r.Err())
	// Output:
	// "usr_01" "Ada" false ""
	// attribute disabled is not what it should be
}

// An empty value is not written.
func ExampleItem_PutText() {
	it := dynamo.Item{}
	it.PutText("name", "Ada")
	it.PutText("nickname", "")

	fmt.Println(len(it), it.Text("name"))
	// Output:
	// 1 Ada
}
