// Package aws makes the configuration of AWS clients by hand. The SDK's own loader
// would add half a dozen identity services, a megabyte and a third of the start time
// to every function. A Lambda has its region and credentials in the environment and
// needs nothing else.
package aws

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/tipstaff/tipstaff/shared/wire"
)

// The limits of a call: three tries with full jitter that together stay well
// under a handler's deadline.
const (
	attempts       = 3
	maxBackoff     = 300 * time.Millisecond
	connectTimeout = 500 * time.Millisecond
	answerTimeout  = time.Second
	keepAlive      = 30 * time.Second
)

// Config returns the configuration of AWS clients for e. Every attempt of every
// call is counted in e.Calls.
func Config(e *wire.Env) sdk.Config { return config(e, attempts, answerTimeout) }

// Once returns the configuration of clients that do not repeat a call by themselves,
// and may wait longer for an answer.
func Once(e *wire.Env, answer time.Duration) sdk.Config { return config(e, 1, answer) }

func config(e *wire.Env, tries int, answer time.Duration) sdk.Config {
	return sdk.Config{
		Region:      e.Region,
		Credentials: Static(e.Var("AWS_ACCESS_KEY_ID"), e.Var("AWS_SECRET_ACCESS_KEY"), e.Var("AWS_SESSION_TOKEN")),
		HTTPClient: &counter{calls: &e.Calls, client: &http.Client{Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: connectTimeout, KeepAlive: keepAlive}).DialContext,
			DialTLSContext:        dialTLS,
			ResponseHeaderTimeout: answer,
			MaxIdleConnsPerHost:   4,
			IdleConnTimeout:       0,
			DisableCompression:    true,
		}}},
		Retryer: func() sdk.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = tries
				o.Backoff = retry.NewExponentialJitterBackoff(maxBackoff)
			})
		},
	}
}

// Static returns a provider of credentials that never change. Those of a Lambda
// function are such: its process ends before its session token does.
func Static(accessKeyID, secretAccessKey, sessionToken string) sdk.CredentialsProvider {
	return sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
		return sdk.Credentials{
			AccessKeyID: accessKeyID, SecretAccessKey: secretAccessKey, SessionToken: sessionToken, Source: "static",
		}, nil
	})
}

// counter counts the requests that leave for AWS.
type counter struct {
	calls  *atomic.Int64
	client *http.Client
}

// Do sends a request. The SDK wraps its body in its own reader, and net/http cannot
// know that the reader is in memory. Without Do it would send the head separately,
// with one more system call and one more packet for every call.
func (c *counter) Do(r *http.Request) (*http.Response, error) {
	c.calls.Add(1)
	if r.Body != nil && r.Body != http.NoBody {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, fmt.Errorf("read the body of an AWS request: %w", err)
		}
		_ = r.Body.Close() // it is in memory
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return c.client.Do(r)
}

// Endpoint returns the endpoint that the environment names for a service, as
// the SDKs do: AWS_ENDPOINT_URL_<SERVICE>, then AWS_ENDPOINT_URL; nil for AWS's
// own.
func Endpoint(e *wire.Env, service string) *string {
	for _, name := range []string{"AWS_ENDPOINT_URL_" + service, "AWS_ENDPOINT_URL"} {
		if url := e.Var(name); url != "" {
			return &url
		}
	}
	return nil
}
