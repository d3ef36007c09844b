package contract

import "strings"

// Prefix begins the key of one kind of item, up to and including its "#". It also
// begins the object of an audit entry, such as "client#billing".
type Prefix string

// The prefixes of partition keys. Each kind of item has its own, so that an id of
// one kind is never an id of another.
const (
	// In the registry.
	UserPrefix            Prefix = "user#"     // by subject; with what the user signs in with and has consented to
	UserNamePrefix        Prefix = "username#" // by user name in lower case
	ClientPrefix          Prefix = "client#"   // by client id; in the documents by URL
	ResourcePrefix        Prefix = "resource#" // by resource indicator
	OneTimePrefix         Prefix = "ticket#"   // by the id of a one-time link
	ExternalAccountPrefix Prefix = "linked#"   // by the hash of issuer and subject; also a sort key below a user

	// In the sessions.
	SubjectPrefix  Prefix = "sub#"      // by subject: logins and grants
	DevicePrefix   Prefix = "device#"   // by the hash of a device code
	UserCodePrefix Prefix = "usercode#" // by the MAC of a user code
	PARPrefix      Prefix = "par#"      // by the hash of a request URI
	OncePrefix     Prefix = "once#"     // by what may be used once
	ThrottlePrefix Prefix = "throttle#" // by what is counted
	RefusedPrefix  Prefix = "refused#"  // by principal
	UpstreamPrefix Prefix = "upstream#" // by the hash of a state; in the registry a sort key, by the id of an upstream

	// In the documents.
	HostPrefix Prefix = "host#" // by host
)

// The prefixes of sort keys, below the partition of a user or a subject.
const (
	PasskeyPrefix Prefix = "passkey#"
	ConsentPrefix Prefix = "consent#"
	LoginPrefix   Prefix = "login#"
	GrantPrefix   Prefix = "grant#"
)

// SecretPrefix begins the object of an audit entry about a secret. No item key
// begins with it.
const SecretPrefix Prefix = "secret#"

// UnknownPrefix begins the principal of a refusal with an unknown user name. Such a
// refusal is counted and not written to the trail.
const UnknownPrefix Prefix = "stranger#"

// Prefixes are all prefixes of keys and audit objects.
var Prefixes = []Prefix{
	UserPrefix, UserNamePrefix, ClientPrefix, ResourcePrefix, OneTimePrefix, ExternalAccountPrefix,
	SubjectPrefix, DevicePrefix, UserCodePrefix, PARPrefix, OncePrefix, ThrottlePrefix, RefusedPrefix, UpstreamPrefix,
	HostPrefix, PasskeyPrefix, ConsentPrefix, LoginPrefix, GrantPrefix, SecretPrefix, UnknownPrefix,
}

// The partitions that hold all items of one kind each.
const (
	// In the registry.
	KeyPartition      = "key"       // public keys, by kid
	UpstreamPartition = "upstreams" // by UpstreamPrefix and id

	// In the sessions, queues.
	NoticePartition = "outbox" // of ends of sessions, for package backchannel
	MailPartition   = "mail"   // of mails, for package recovery
)

// The sort keys of items that are the only ones of their kind in a partition.
const (
	UserSort = "user"
)

// Of returns the key for an id, such as "user#usr_01".
func (p Prefix) Of(id string) string { return string(p) + id }

// Cut returns the id in a key, and whether the key begins with p.
func (p Prefix) Cut(key string) (id string, ok bool) { return strings.CutPrefix(key, string(p)) }
