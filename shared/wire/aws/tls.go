package aws

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"net"
	"sync"
	"time"
)

// Amazon's root certificates, the only ones that sign the endpoints of AWS.
// With the system's hundred and forty the first handshake costs five times as
// much CPU, and any of them could impersonate AWS.
//
//go:embed roots.pem
var rootsPEM []byte

var clientTLS = sync.OnceValue(func() *tls.Config {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(rootsPEM) {
		panic("roots.pem holds no certificate")
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(8)}
})

// dialTLS connects to an AWS endpoint. The roots are parsed at the first use,
// which a function without TLS never reaches.
func dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &tls.Dialer{
		NetDialer: &net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second},
		Config:    clientTLS(),
	}
	return dialer.DialContext(ctx, network, address)
}
