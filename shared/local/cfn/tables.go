package cfn

import (
	"errors"
	"fmt"
)

type keySchema []struct{ AttributeName, KeyType string }

type indexSchema []struct {
	IndexName  string
	KeySchema  keySchema
	Projection struct {
		ProjectionType   string
		NonKeyAttributes []string
	}
}

// attributes are the types of the key attributes by name.
type attributes map[string]string

func (r *reader) tables(s *Stage) error {
	return r.each(func(res *resource) error {
		t, err := r.table(res)
		if err != nil {
			return err
		}
		s.Tables = append(s.Tables, t)
		return nil
	}, typeTable, typeGlobalTable)
}

func (r *reader) table(res *resource) (Table, error) {
	p := r.properties(res)
	var (
		definitions []struct{ AttributeName, AttributeType string }
		keys        keySchema
		ttl         struct {
			AttributeName string
			Enabled       bool
		}
	)
	p.into("AttributeDefinitions", &definitions)
	p.into("KeySchema", &keys)
	p.into("TimeToLiveSpecification", &ttl)
	types := attributes{}
	for _, d := range definitions {
		types[d.AttributeName] = d.AttributeType
	}
	t := Table{Name: p.name()}
	t.ARN = r.place.TableARN(t.Name)
	if ttl.Enabled {
		t.TTL = ttl.AttributeName
	}
	var err error
	if t.PartitionKey, t.SortKey, err = types.keys(keys); err != nil {
		p.fail("KeySchema", err)
	}
	t.Indexes = append(p.indexes("GlobalSecondaryIndexes", types), p.indexes("LocalSecondaryIndexes", types)...)
	return t, p.err
}

func (p *properties) indexes(property string, types attributes) []Index {
	var schema indexSchema
	p.into(property, &schema)
	out := make([]Index, 0, len(schema))
	for _, s := range schema {
		pk, sk, err := types.keys(s.KeySchema)
		if err != nil {
			p.fail(property, fmt.Errorf("index %s: %w", s.IndexName, err))
		}
		out = append(out, Index{
			Name: s.IndexName, PartitionKey: pk, SortKey: sk,
			Local:      property == "LocalSecondaryIndexes",
			Projection: s.Projection.ProjectionType, Attributes: s.Projection.NonKeyAttributes,
		})
	}
	return out
}

// keys splits a key schema into partition and sort key.
func (types attributes) keys(schema keySchema) (partition, sort Key, err error) {
	for _, k := range schema {
		key := Key{Name: k.AttributeName, Type: types[k.AttributeName]}
		if key.Type == "" {
			return partition, sort, fmt.Errorf("attribute %q of the key has no definition", k.AttributeName)
		}
		switch {
		case k.KeyType == "HASH" && partition.Name == "":
			partition = key
		case k.KeyType == "RANGE" && sort.Name == "":
			sort = key
		default:
			return partition, sort, fmt.Errorf("attribute %q is one %s key too many", k.AttributeName, k.KeyType)
		}
	}
	if partition.Name == "" {
		return partition, sort, errors.New("it names no partition key")
	}
	return partition, sort, nil
}
