package iam

import (
	"encoding/json"
	"fmt"
	"strings"
)

// onTable are the operations of DynamoDB that need one action on one table. The
// action has the name of the operation.
var onTable = map[string]bool{
	"GetItem": true, "PutItem": true, "UpdateItem": true, "DeleteItem": true,
	"DescribeTable": true, "DescribeTimeToLive": true,
}

// parts are the members of an item of a transaction. A transaction needs no action
// for itself, only those of its parts.
var parts = map[string]map[string]string{
	"TransactGetItems": {"Get": "GetItem"},
	"TransactWriteItems": {
		"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem",
	},
}

// onSecret are the operations of Secrets Manager on one secret.
var onSecret = map[string]bool{
	"GetSecretValue": true, "PutSecretValue": true, "DescribeSecret": true,
	"UpdateSecretVersionStage": true, "RotateSecret": true,
}

// knownActions are all actions that a request can need, in lower case.
var knownActions = func() []string {
	actions := []string{
		"dynamodb:query", "dynamodb:scan", "dynamodb:batchgetitem", "dynamodb:batchwriteitem",
		"dynamodb:conditioncheckitem", "secretsmanager:listsecrets",
	}
	for name := range onTable {
		actions = append(actions, dynamoDB+":"+strings.ToLower(name))
	}
	for name := range onSecret {
		actions = append(actions, secretsManager+":"+strings.ToLower(name))
	}
	return actions
}()

func (n Names) analyzeDynamoDB(op *Operation, body []byte) error {
	switch {
	case onTable[op.Name]:
		return n.one(op, body, false)
	case op.Name == "Query" || op.Name == "Scan":
		return n.one(op, body, true)
	case op.Name == "BatchGetItem" || op.Name == "BatchWriteItem":
		return n.batch(op, body)
	case parts[op.Name] != nil:
		return n.transaction(op, body)
	}
	return ErrUnknownOperation
}

// one reads an operation on one table. With indexed, the operation can read an index
// instead, and then it needs the permission for the index and not for the table.
func (n Names) one(op *Operation, body []byte, indexed bool) error {
	var table, index string
	err := members(body, func(key string, value json.RawMessage) (err error) {
		switch {
		case key == "TableName":
			table, err = word(value)
		case key == "IndexName" && indexed:
			index, err = word(value)
		}
		return err
	})
	if err != nil {
		return err
	}
	arn, err := n.table(table)
	if err != nil {
		return err
	}
	if index != "" {
		if !tableName.MatchString(index) {
			return fmt.Errorf("%q is not the name of an index", clip(index))
		}
		arn += "/index/" + index
	}
	op.demand(op.Name, arn)
	return nil
}

// batch reads {"RequestItems": {table: …}}. It needs the action on each table.
func (n Names) batch(op *Operation, body []byte) error {
	return members(body, func(key string, value json.RawMessage) error {
		if key != "RequestItems" {
			return nil
		}
		return members(value, func(table string, _ json.RawMessage) error {
			arn, err := n.table(table)
			if err != nil {
				return err
			}
			op.demand(op.Name, arn)
			return nil
		})
	})
}

// transaction reads {"TransactItems": [{"Put": {"TableName": …}}, …]}.
func (n Names) transaction(op *Operation, body []byte) error {
	return members(body, func(key string, value json.RawMessage) error {
		if key != "TransactItems" {
			return nil
		}
		var items []json.RawMessage
		if err := json.Unmarshal(value, &items); err != nil {
			return fmt.Errorf("TransactItems: %w", err)
		}
		for i, item := range items {
			if err := n.part(op, item); err != nil {
				return fmt.Errorf("TransactItems %d: %w", i, err)
			}
		}
		return nil
	})
}

// part reads one item of a transaction. It must have one known member.
func (n Names) part(op *Operation, item json.RawMessage) error {
	before := len(op.Demands)
	err := members(item, func(kind string, value json.RawMessage) error {
		action, ok := parts[op.Name][kind]
		if !ok {
			return fmt.Errorf("%q is not a part of %s", clip(kind), op.Name)
		}
		var table string
		err := members(value, func(key string, value json.RawMessage) (err error) {
			if key == "TableName" {
				table, err = word(value)
			}
			return err
		})
		if err != nil {
			return err
		}
		arn, err := n.table(table)
		if err != nil {
			return err
		}
		op.demand(action, arn)
		return nil
	})
	if err == nil && len(op.Demands) != before+1 {
		return fmt.Errorf("it has %d parts, not one", len(op.Demands)-before)
	}
	return err
}

func (n Names) analyzeSecrets(op *Operation, body []byte) error {
	if op.Name == "ListSecrets" {
		op.demand(op.Name, "*")
		return nil
	}
	if !onSecret[op.Name] {
		return ErrUnknownOperation
	}
	var id string
	err := members(body, func(key string, value json.RawMessage) (err error) {
		if key == "SecretId" {
			id, err = word(value)
		}
		return err
	})
	if err != nil {
		return err
	}
	arn, err := n.secret(id)
	if err != nil {
		return err
	}
	op.demand(op.Name, arn)
	return nil
}
