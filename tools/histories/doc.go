// Package histories plays and judges histories of grants.
//
// Its tests let several clients refresh, read and end one grant at once, while
// the database loses, doubles or refuses answers. A model describes a grant that
// serves one request at a time. Porcupine looks for an order of the recorded
// requests that the model allows. The tests are here and not in package session
// because porcupine is a dependency that no function may link.
package histories
