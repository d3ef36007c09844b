// Command baseline is the yardstick of the benchmark: the least that a server
// in Go can do for a token request, with nothing of Tipstaff in it. It parses
// the form and answers a JSON document of a token's size; /es256 and /rs256
// sign one JWT as well. What a function costs is told as a multiple of these,
// measured in the same run on the same machine.
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "baseline:", err)
		os.Exit(1)
	}
}

// serve listens on a free port, says which on the first line, and serves until
// it is killed.
func serve() error {
	mux, err := routes()
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(os.Stdout, "http://%s\n", listener.Addr()); err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

func routes() (*http.ServeMux, error) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /static", answer(func() (string, error) {
		return "a-token-that-is-always-the-same-and-signed-by-nobody", nil
	}))
	mux.HandleFunc("POST /es256", answer(func() (string, error) {
		return jwt("ES256", func(digest []byte) ([]byte, error) {
			r, s, err := ecdsa.Sign(rand.Reader, ec, digest)
			if err != nil {
				return nil, err
			}
			signature := make([]byte, 64)
			r.FillBytes(signature[:32])
			s.FillBytes(signature[32:])
			return signature, nil
		})
	}))
	mux.HandleFunc("POST /rs256", answer(func() (string, error) {
		return jwt("RS256", func(digest []byte) ([]byte, error) {
			return rsa.SignPKCS1v15(nil, rs, crypto.SHA256, digest)
		})
	}))
	return mux, nil
}

// answer parses the form and answers with the token that mint makes.
func answer(mint func() (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		token, err := mint()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(map[string]any{ // a lost client shows in the client
			"access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": "orders:read",
		})
	}
}

// jwt signs claims such as an access token has.
func jwt(algorithm string, sign func(digest []byte) ([]byte, error)) (string, error) {
	now := time.Now().Unix()
	claims, err := json.Marshal(map[string]any{
		"iss": "https://issuer.example", "sub": "client", "aud": "https://api.example", "client_id": "client",
		"scope": "orders:read", "iat": now, "exp": now + 300, "jti": rand.Text(),
	})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(`{"alg":"`+algorithm+`","typ":"at+jwt","kid":"baseline"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(input))
	signature, err := sign(digest[:])
	if err != nil {
		return "", err
	}
	return input + "." + encode(signature), nil
}
