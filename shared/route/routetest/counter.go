package routetest

import (
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Counter records the calls to the database.
type Counter struct {
	// Calls are the names of the operations, in order. A test may empty it.
	Calls []string

	next aws.HTTPClient
}

// Count makes s count the calls of every store that it makes from now on.
func (s *Stage) Count() *Counter {
	c := &Counter{next: s.DB.Options().HTTPClient}
	s.DB = dynamodb.New(s.DB.Options(), func(o *dynamodb.Options) { o.HTTPClient = c })
	return c
}

// Do counts a call and makes it.
func (c *Counter) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.Calls = append(c.Calls, operation)
	return c.next.Do(r)
}
