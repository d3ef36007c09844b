package aws

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"net"
	"sync"
)

// Amazon's root certificates, the only ones that sign the endpoints of AWS.
// With the system's hundred and forty the first handshake costs five times as
// much CPU, and any of them could impersonate AWS.
//
//go:embed roots.pem
var rootsPEM []byte

// clientTLS is the configuration of every connection to AWS. It parses the roots at the
// first use, which a function without TLS never reaches.
var clientTLS = sync.OnceValue(func() *tls.Config { return trusting(rootsPEM) })

// trusting returns a configuration that accepts certificates under the given roots.
func trusting(pem []byte) *tls.Config {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		panic("roots.pem holds no certificate")
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(8)}
}

// dialTLS connects to an AWS endpoint.
func dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	return dialer(clientTLS()).DialContext(ctx, network, address)
}

func dialer(config *tls.Config) *tls.Dialer {
	return &tls.Dialer{
		NetDialer: &net.Dialer{Timeout: connectTimeout, KeepAlive: keepAlive},
		Config:    config,
	}
}
