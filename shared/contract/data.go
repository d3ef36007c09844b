package contract

// Table is a DynamoDB table with string keys.
type Table struct {
	Name         Resource
	Summary      string
	PartitionKey string
	SortKey      string
	// TTL is the attribute with the expiry in epoch seconds, empty when items
	// do not expire. DynamoDB deletes late, so every reader checks the expiry.
	TTL     string
	Indexes []Index
}

// Index is a global secondary index that projects every attribute.
type Index struct {
	Name         string
	PartitionKey string
	SortKey      string
}

// Secret is a Secrets Manager secret.
type Secret struct {
	Name    Resource
	Summary string
	// Format is the value of the member "format" in a new secret. The other
	// member is a random seed.
	Format string
}

// The names of the tables, of the secrets and of the mail identity, for a [Need].
const (
	Sessions Resource = "sessions"
	Registry Resource = "registry"
	Audit    Resource = "audit"
	Keys     Resource = "keys"
	// Upstreams is the secret with our own client secrets at other issuers.
	Upstreams Resource = "upstreams"
	// Mail is the SES identity that sends mail. A stage may have none.
	Mail Resource = "mail"
	// Documents is the table of the metadata documents that were fetched.
	Documents Resource = "documents"
)

// The attribute names that more than one package uses.
const (
	PK         = "pk"
	SK         = "sk"
	TTL        = "ttl"
	AuditSub   = "sub"
	AuditBySub = "by_sub"
)

// Tables are all tables, in the order in which templates show them.
var Tables = []Table{
	{
		Name:         Sessions,
		Summary:      "everything that ends: sessions, grants, codes, replay and throttle counters",
		PartitionKey: PK, SortKey: SK, TTL: TTL,
	},
	{
		Name:         Registry,
		Summary:      "everything that stays: clients, resources, users, public keys",
		PartitionKey: PK, SortKey: SK,
	},
	{
		Name:         Audit,
		Summary:      "the append-only trail",
		PartitionKey: PK, SortKey: SK, TTL: TTL,
		Indexes: []Index{{Name: AuditBySub, PartitionKey: AuditSub, SortKey: SK}},
	},
	{
		Name:         Documents,
		Summary:      "what clients say of themselves at their own origins, fetched and kept apart",
		PartitionKey: PK, SortKey: SK, TTL: TTL,
	},
}

// Secrets are all secrets.
var Secrets = []Secret{
	{Name: Keys, Summary: "private signing keys and MAC keys of the stage", Format: "tipstaff-keys/0"},
	{Name: Upstreams, Summary: "client secrets at the issuers that users may sign in with", Format: "tipstaff-upstreams/1"},
}

// FindTable returns the table of that name.
func FindTable(name Resource) (Table, bool) {
	for _, t := range Tables {
		if t.Name == name {
			return t, true
		}
	}
	return Table{}, false
}
