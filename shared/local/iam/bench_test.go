package iam_test

import (
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/tipstaff/tipstaff/shared/local/engine"
	"github.com/tipstaff/tipstaff/shared/local/iam"
)

// BenchmarkGetItem compares a call to the engine with the same call through the wall,
// and through the proxy of the standard library, which checks nothing. The engine is a
// separate process, so the difference in "cpu-µs/op" is the cost of the proxy.
func BenchmarkGetItem(b *testing.B) {
	s := newStack(b, function("f", statement(orders, "dynamodb:GetItem")))
	plain, err := iam.New(iam.Config{
		Stage:    stageOf(function("f", statement(orders, "dynamodb:GetItem"))),
		DynamoDB: s.engine, SecretsManager: s.engine,
	})
	if err != nil {
		b.Fatal(err)
	}
	target, err := url.Parse(s.engine)
	if err != nil {
		b.Fatal(err)
	}
	proxy := httptest.NewServer(httputil.NewSingleHostReverseProxy(target))
	defer proxy.Close()
	for _, way := range []struct {
		name string
		db   *dynamodb.Client
	}{
		{"direct", engine.Client(s.engine)},
		{"proxy", engine.Client(proxy.URL)},
		{"wall", serve(b, plain).db(b, "f")},
		{"capacity", s.db(b, "f")},
	} {
		db := way.db
		b.Run(way.name, func(b *testing.B) {
			in := &dynamodb.GetItemInput{TableName: new(orders), Key: key("bench", "a")}
			began := cpu(b)
			for b.Loop() {
				if _, err := db.GetItem(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// cpu returns the CPU time of this process.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
