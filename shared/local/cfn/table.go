package cfn

import "fmt"

// Table is an AWS::DynamoDB::GlobalTable. All key attributes are strings.
type Table struct {
	Name string
	// PartitionKey and SortKey name the attributes of the primary key. SortKey
	// is empty when the table has none.
	PartitionKey, SortKey string
	// TTL is the attribute with the expiry time. It is empty when items stay.
	TTL     string
	Indexes []Index
}

// Index is a global secondary index of a table. It projects all attributes.
type Index struct {
	Name                  string
	PartitionKey, SortKey string
}

func readTable(o *object) Table {
	o.ignore("BillingMode", "Replicas", "SSESpecification", "WriteOnDemandThroughputSettings")
	for _, attribute := range o.objects("AttributeDefinitions") {
		attribute.ignore("AttributeName")
		attribute.only("AttributeType", "S")
	}
	t := Table{Name: o.text("TableName")}
	t.PartitionKey, t.SortKey = o.key()
	if o.has("TimeToLiveSpecification") {
		if ttl := o.object("TimeToLiveSpecification"); ttl.yes("Enabled") {
			t.TTL = ttl.text("AttributeName")
		}
	}
	if o.has("GlobalSecondaryIndexes") {
		for _, index := range o.objects("GlobalSecondaryIndexes") {
			i := Index{Name: index.text("IndexName")}
			i.PartitionKey, i.SortKey = index.key()
			index.object("Projection").only("ProjectionType", "ALL")
			t.Indexes = append(t.Indexes, i)
		}
	}
	return t
}

// key reads the primary key of a table or an index.
func (o *object) key() (partition, sort string) {
	schema := o.objects("KeySchema")
	if n := len(schema); n != 1 && n != 2 {
		o.r.fail(o.at.field("KeySchema"), fmt.Errorf("a list of 1 or 2 is wanted, not of %d", n))
		return "", ""
	}
	schema[0].only("KeyType", "HASH")
	partition = schema[0].text("AttributeName")
	if len(schema) == 2 {
		schema[1].only("KeyType", "RANGE")
		sort = schema[1].text("AttributeName")
	}
	return partition, sort
}
