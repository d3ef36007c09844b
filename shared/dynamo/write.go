package dynamo

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Write is one write of a [Tx], with the name of its failure. A Tx skips the zero
// value.
type Write struct {
	item   types.TransactWriteItem
	failed func(stored Item) error
	sets   Item
}

// Sets returns the attributes that w puts or sets, for tests that compare them with
// what is read.
func (w Write) Sets() Item { return w.sets }

// Else names the failure of a write: [Tx.Run] returns an error that wraps err when
// the condition of the write does not hold.
func (w Write) Else(err error) Write {
	w.failed = func(Item) error { return err }
	return w
}

// ElseBy is [Write.Else] for a failure that depends on the stored item, which is empty
// when there is none.
func (w Write) ElseBy(failed func(stored Item) error) Write {
	const old = types.ReturnValuesOnConditionCheckFailureAllOld
	switch {
	case w.item.Put != nil:
		w.item.Put.ReturnValuesOnConditionCheckFailure = old
	case w.item.Update != nil:
		w.item.Update.ReturnValuesOnConditionCheckFailure = old
	case w.item.Delete != nil:
		w.item.Delete.ReturnValuesOnConditionCheckFailure = old
	case w.item.ConditionCheck != nil:
		w.item.ConditionCheck.ReturnValuesOnConditionCheckFailure = old
	}
	w.failed = failed
	return w
}

// Put writes an item and replaces a stored one, under conditions.
func Put(table string, it Item, conditions ...Condition) Write {
	var e expression
	return Write{sets: it, item: types.TransactWriteItem{Put: &types.Put{
		TableName: &table, Item: it, ConditionExpression: e.all(conditions),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}}}
}

// Create writes an item that does not exist yet.
func Create(table string, it Item) Write { return Put(table, it, NotExists()) }

// Delete removes an item, under conditions.
func Delete(table string, key Item, conditions ...Condition) Write {
	var e expression
	return Write{item: types.TransactWriteItem{Delete: &types.Delete{
		TableName: &table, Key: key, ConditionExpression: e.all(conditions),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}}}
}

// Check writes nothing and adds conditions on an item to the transaction.
func Check(table string, key Item, conditions ...Condition) Write {
	var e expression
	return Write{item: types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: &table, Key: key, ConditionExpression: e.all(conditions),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}}}
}

// Changes are changes of the attributes of an item.
type Changes struct {
	// Set are attributes and their new values.
	Set Item
	// Remove are attributes to remove.
	Remove []string
	// Raise are counters to increment by one, from 0 if they are absent.
	Raise []string
	// Include are texts to add to sets of texts, which are created if they are
	// absent. An empty list adds nothing: DynamoDB has no empty set.
	Include map[string][]string
	// Delete are elements to remove from sets of texts.
	Delete map[string]string
}

// Empty reports whether there is nothing to change.
func (c Changes) Empty() bool {
	return len(c.Set) == 0 && len(c.Remove) == 0 && len(c.Raise) == 0 && len(c.Include) == 0 && len(c.Delete) == 0
}

// expression returns the update expression, with its clauses in a fixed order.
func (c Changes) expression(e *expression) string {
	var set, remove, add, taken []string
	for _, name := range slices.Sorted(maps.Keys(c.Set)) {
		set = append(set, e.name(name)+" = "+e.value(c.Set[name]))
	}
	for _, name := range c.Remove {
		remove = append(remove, e.name(name))
	}
	for _, name := range c.Raise {
		add = append(add, e.name(name)+" "+e.value(Number(1)))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Include)) {
		if texts := c.Include[name]; len(texts) > 0 {
			add = append(add, e.name(name)+" "+e.value(&types.AttributeValueMemberSS{Value: texts}))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Delete)) {
		taken = append(taken, e.name(name)+" "+e.value(&types.AttributeValueMemberSS{Value: []string{c.Delete[name]}}))
	}
	var clauses []string
	for _, clause := range []struct {
		word  string
		parts []string
	}{{"SET ", set}, {"REMOVE ", remove}, {"ADD ", add}, {"DELETE ", taken}} {
		if len(clause.parts) > 0 {
			clauses = append(clauses, clause.word+strings.Join(clause.parts, ", "))
		}
	}
	return strings.Join(clauses, " ")
}

// Update changes attributes of an item, under conditions. It creates the item if there
// is none.
func Update(table string, key Item, c Changes, conditions ...Condition) Write {
	var e expression
	update := c.expression(&e)
	return Write{sets: c.Set, item: types.TransactWriteItem{Update: &types.Update{
		TableName: &table, Key: key, UpdateExpression: &update, ConditionExpression: e.all(conditions),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	}}}
}

// UpdateInput returns the update of [Update] as a separate call, for [UpdateItem] or
// the client. The error contains the stored item when a condition does not hold.
func UpdateInput(table string, key Item, c Changes, conditions ...Condition) *dynamodb.UpdateItemInput {
	u := Update(table, key, c, conditions...).item.Update
	return &dynamodb.UpdateItemInput{
		TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression, ConditionExpression: u.ConditionExpression,
		ExpressionAttributeNames: u.ExpressionAttributeNames, ExpressionAttributeValues: u.ExpressionAttributeValues,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}
