// Package dynamo makes, reads and writes the items of the DynamoDB tables.
//
// # Items
//
// An [Item] is a map from names to attributes. Each attribute carries its type: a
// text, a number, a list. Absence is the zero value: an empty value is not written,
// and an absent attribute is read as empty, so that old items work with new code. An
// attribute for which absence means anything else documents it.
//
// Items are read in two ways. A [Reader] reads a whole item and keeps the first
// error, so that the caller checks [Reader.Err] once, at the end. An attribute of the
// wrong type is an error: a disabled user must not be signed in because the flag
// cannot be read. [Item.Text] and [Item.Number] treat an attribute of the wrong type
// as absent. They are for items such as a counter, and for attributes that the caller
// refuses anyway when they are empty.
//
// The package that owns an item defines its attributes. The prefixes of keys stand in
// package contract.
//
// # Transactions
//
// A [Tx] is a list of writes: all of them happen or none. [Put], [Create], [Update],
// [Delete] and [Check] make a [Write], under conditions such as [Exists] or [Equal].
// No package writes an expression of a transaction by hand. Each write names its
// failure with [Write.Else] or [Write.ElseBy]. The error of [Tx.Run] wraps the failure
// of the first write with a condition that does not hold. So a caller tests the error
// with errors.Is, and a write may be added anywhere without changing the meaning of
// the others. A package that gives a write to the transaction of its caller names the
// failure by one of its errors.
//
// Only this package repeats a write that DynamoDB refuses because another transaction
// holds the item: [Tx.Run], and [UpdateItem] for a single write. The error is
// [ErrBusy] when the repetition does not help.
//
// # The user's item
//
// Two packages write the item of a user: identity, when the credentials change, and
// session, when it ends everything of the user. They share its key, [UserKey], and the
// rule under which a user may be signed in, [UserIs]: the user exists, is not disabled,
// and has not been signed out everywhere since. [CheckUser] adds the rule to a
// transaction. With a [UserChange] identity gives session a change to write in the same
// transaction as the end.
package dynamo

import (
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// Item is an item, a part of one such as its key, or the values of an expression.
type Item map[string]types.AttributeValue

// Key returns a primary key.
func Key(pk, sk string) Item { return Item{contract.PK: Text(pk), contract.SK: Text(sk)} }

// Names returns the placeholders of an expression. Many attributes have the name of a
// word that DynamoDB reserves, so every attribute is written "#name".
func Names(attributes ...string) map[string]string {
	m := make(map[string]string, len(attributes))
	for _, a := range attributes {
		m["#"+a] = a
	}
	return m
}

// Text returns the attribute of a text, which may be empty.
func Text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// Number returns the attribute of a whole number.
func Number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// Seconds returns the attribute of a time, in seconds since the epoch.
func Seconds(t time.Time) types.AttributeValue { return Number(t.Unix()) }

// Millis returns the attribute of a time, in milliseconds since the epoch.
func Millis(t time.Time) types.AttributeValue { return Number(t.UnixMilli()) }

// Flag returns the attribute of a boolean.
func Flag(value bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: value} }

// Bytes returns the attribute of b. The caller must not change b afterwards.
func Bytes(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

// Texts returns the attribute of a list of texts, which may be empty.
func Texts(values []string) types.AttributeValue {
	list := make([]types.AttributeValue, len(values))
	for i, v := range values {
		list[i] = Text(v)
	}
	return &types.AttributeValueMemberL{Value: list}
}

// PutText puts a text unless it is empty.
func (it Item) PutText(name, value string) {
	if value != "" {
		it[name] = Text(value)
	}
}

// PutTexts puts a list of texts unless it is empty.
func (it Item) PutTexts(name string, values []string) {
	if len(values) != 0 {
		it[name] = Texts(values)
	}
}

// PutFlag puts a boolean unless it is false.
func (it Item) PutFlag(name string, value bool) {
	if value {
		it[name] = Flag(true)
	}
}

// PutMaps puts a list of maps, one for each value, unless it is empty.
func PutMaps[T any](it Item, name string, values []T, encode func(T) Item) {
	if len(values) == 0 {
		return
	}
	list := make([]types.AttributeValue, len(values))
	for i, v := range values {
		list[i] = &types.AttributeValueMemberM{Value: encode(v)}
	}
	it[name] = &types.AttributeValueMemberL{Value: list}
}

// Text reads a text, "" if it is absent or of another type.
func (it Item) Text(name string) string {
	if s, ok := it[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// Number reads a whole number, 0 if it is absent or of another type.
func (it Item) Number(name string) int64 {
	v, ok := it[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
