// Package dynamo makes, reads and writes the items of our DynamoDB tables.
//
// # Items
//
// An [Item] is a map from names to attributes, each of which carries its type with
// it: a text, a number, a list. Absence is the zero value. What is empty is not
// written, and what is absent is read as empty, so that old items work with new code;
// where absence means anything else, its attribute says so.
//
// Items are read in two ways. A [Reader] reads a whole item and keeps the first
// error, so that its user asks once, at the end, whether all was well. An attribute
// of the wrong type is an error: a user who is disabled must not be signed in only
// because the flag cannot be read. [Item.Text] and [Item.Number] take what is wrong
// for absent. They are for items that need no better, such as a counter, and for
// attributes that their reader refuses anyway when they are empty.
//
// What an item holds, and what its names mean, is known to the package that owns it.
// The prefixes of keys stand in package contract.
//
// # Transactions
//
// A [Tx] is a list of writes of which all happen or none. [Put], [Create], [Update],
// [Delete] and [Check] make a [Write], under conditions such as [Exists] or [Equal];
// no package puts an expression of a transaction together by hand. Each write names
// its failure with [Write.Else] or [Write.ElseBy], and the error of [Tx.Run] wraps
// the failure of the first write that has a condition that does not hold. So a caller asks with
// errors.Is what went wrong, and a write may be added anywhere without changing what
// the others mean. A package that gives a write to the transaction of its caller
// names the failure by an error of its own.
//
// What DynamoDB refuses because another transaction holds the item is tried again,
// here and nowhere else: by [Tx.Run], and by [UpdateItem] for a single write. When it
// does not help, the error is [ErrBusy].
//
// # The user's item
//
// Two packages write the item of a user: identity, for what the user signs in with,
// and session, when it ends everything of the user. They share its key, [UserKey],
// and the rule under which a user may be signed in, [UserIs]: the user exists, is not
// disabled, and nothing has ended everything since. [CheckUser] holds a transaction
// to the rule, and a [UserChange] is what identity gives to session to be written in
// the same transaction as the end.
package dynamo

import (
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tipstaff/tipstaff/shared/contract"
)

// Item is an item, a part of one such as its key, or the values of an expression.
type Item map[string]types.AttributeValue

// Key is a primary key.
func Key(pk, sk string) Item { return Item{contract.PK: Text(pk), contract.SK: Text(sk)} }

// Names returns the placeholders of an expression: many of our attributes are
// called like a word that DynamoDB reserves, so every one is written "#name".
func Names(attributes ...string) map[string]string {
	m := make(map[string]string, len(attributes))
	for _, a := range attributes {
		m["#"+a] = a
	}
	return m
}

// Text is the attribute of a text, which may be empty.
func Text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// Number is the attribute of a whole number.
func Number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// Seconds is the attribute of a time, in seconds since the epoch.
func Seconds(t time.Time) types.AttributeValue { return Number(t.Unix()) }

// Millis is the attribute of a time, in milliseconds since the epoch.
func Millis(t time.Time) types.AttributeValue { return Number(t.UnixMilli()) }

// Flag is the attribute of a fact.
func Flag(value bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: value} }

// Bytes is the attribute of b, which belongs to it from now on.
func Bytes(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

// Texts is the attribute of a list of texts, which may be empty.
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

// PutFlag puts a fact unless it is false.
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

// Text reads a text, "" when there is none or it is something else.
func (it Item) Text(name string) string {
	if s, ok := it[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// Number reads a whole number, 0 when there is none or it is something else.
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
