// Package registry brings the registry table to the state that a file
// describes.
//
// The file, registry.yaml, describes the clients and the resources of a stage, the
// upstreams (other issuers at which users may have an account to sign in with), and
// the users of a stage for development.
//
// # Parse, plan, apply
//
// [Parse] reads the file and reports all mistakes at once, each with its place. A
// [Store] compares the [Document] with the table. [Store.Plan] returns the list of
// differences, and [Store.Apply] carries them out, each in a transaction with its
// audit entry. A second Apply of the same file finds no difference and writes
// nothing.
//
// The file decides only about the entries that it names. An entry that is in the
// table and not in the file is reported and kept, unless the plan prunes. The
// entries of a section that the file does not have are not read.
//
// # Secrets
//
// Secrets are never in the file. A client without secrets gets one when it is
// created. Apply hands it over once, and the table keeps its hash. A file may also
// carry the hash of a secret that was generated before. The client secrets that
// upstreams gave us are not known here: they are kept in Secrets Manager.
package registry

import (
	"slices"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// Kind is the type of an entry of the registry, and the first part of its key.
type Kind string

// The kinds, in the order in which they are created.
const (
	KindResource Kind = "resource"
	KindClient   Kind = "client"
	KindUpstream Kind = "upstream"
	KindUser     Kind = "user"
)

// Document is a parsed registry file. Its values are checked: ids are unique,
// resources are normalized, and every scope that a client may request is defined.
type Document struct {
	Resources []client.Resource
	// Clients have no secrets when the file gives none. They keep the stored
	// secrets, or get one when they have none.
	Clients   []client.Client
	Upstreams []upstream.Upstream
	Users     []identity.User
	// Sections are the kinds for which the file has a section. Entries of other
	// kinds are left alone.
	Sections []Kind
}

// Has reports whether the file has a section for a kind, even an empty one.
func (d *Document) Has(k Kind) bool { return slices.Contains(d.Sections, k) }
