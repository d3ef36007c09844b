// Package histories plays and judges histories of grants.
//
// Its tests let several clients refresh, read and end one grant at once, while
// the database loses, doubles or refuses answers. A model says what a grant that
// does one thing at a time would have answered; porcupine looks for an order of
// the recorded requests that the model allows. The tests stand here and not in
// package session because the judge is a dependency that no function links.
package histories
