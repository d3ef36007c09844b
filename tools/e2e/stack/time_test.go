package stack_test

import (
	"testing"
	"time"
)

// TestTokensExpire: tokens expire by the clock of the API: the functions use the time
// of the request and no other.
func TestTokensExpire(t *testing.T) {
	s, clock := start(t)
	issued := token(t, s)
	if !active(t, s, issued) {
		t.Fatal("a fresh token is not active")
	}
	clock.pass(4 * time.Minute)
	if !active(t, s, issued) {
		t.Error("after 4 of 5 minutes the token is not active")
	}
	clock.pass(2 * time.Minute)
	if active(t, s, issued) {
		t.Error("after 6 minutes a token of 5 is still active")
	}
	if !active(t, s, token(t, s)) {
		t.Error("a token issued after the clock moved is not active")
	}
}

// TestTokensOfTheFuture: a token from a clock that ran ahead is inactive before its
// time.
func TestTokensOfTheFuture(t *testing.T) {
	s, clock := start(t)
	clock.pass(10 * time.Minute)
	issued := token(t, s)
	clock.pass(-10 * time.Minute)
	if active(t, s, issued) {
		t.Error("a token that will be issued in ten minutes is active now")
	}
}
