// Package registry brings the registry table to the state that a file
// describes.
//
// The file, registry.yaml, names the clients and the resources of a stage, the
// issuers elsewhere with whose accounts people may sign in, and the users of a
// stage for development. Parse reads it and reports everything
// that is wrong with it at once, each with its place. A Store compares the
// Document with the table: its Plan is the list of differences, and Apply
// carries them out, one transaction each, with its audit entry. A second Apply
// of the same file finds no difference and writes nothing.
//
// The file is the whole truth only about what it names. What is in the table
// and not in the file is reported and kept, unless the plan prunes; a section
// that the file does not have is not even read.
//
// Secrets are never in the file. A client without secrets gets one when it is
// created; Apply hands it over once and the table keeps its hash. A file may
// also carry the hash of a secret that was made before. Our own secrets at other
// issuers are not known here at all.
package registry

import (
	"slices"

	"github.com/tipstaff/tipstaff/shared/client"
	"github.com/tipstaff/tipstaff/shared/identity"
	"github.com/tipstaff/tipstaff/shared/upstream"
)

// Kind is what an entry of the registry is, and the first part of its key.
type Kind string

// The kinds, in the order in which they are created.
const (
	KindResource Kind = "resource"
	KindClient   Kind = "client"
	KindUpstream Kind = "upstream"
	KindUser     Kind = "user"
)

// Document is what a registry file says. Its values are checked: ids are
// unique, resources are normalized, and every scope that a client may ask for
// is defined.
type Document struct {
	Resources []client.Resource
	// Clients have no secrets when the file gives none: they keep those that
	// are stored, or get one.
	Clients   []client.Client
	Upstreams []upstream.Upstream
	Users     []identity.User
	// Sections are the kinds that the file speaks about. The others are left
	// alone.
	Sections []Kind
}

// Has reports whether the file has a section for a kind, be it empty.
func (d *Document) Has(k Kind) bool { return slices.Contains(d.Sections, k) }
