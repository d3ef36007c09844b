package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"github.com/tipstaff/tipstaff/shared/local/gateway"
)

// finishing is how long Close waits for running requests.
const finishing = time.Second

// startGateway serves the routes that the templates declare.
func (s *Stack) startGateway(listeners []net.Listener) error {
	began := time.Now()
	config := gateway.Config{AccountID: s.stage.Place.Account, Now: s.options.Now}
	byKey := map[string]string{}
	for _, r := range s.stage.Routes {
		short, err := s.options.short(r.Function)
		if err != nil {
			return err
		}
		byKey[r.Key] = short
		config.APIID = r.API
		config.Routes = append(config.Routes, gateway.Route{Key: r.Key, Invoke: s.functions[short].Invoke})
	}
	config.Failed = func(key string, err error) { s.options.Failed(byKey[key], err) }
	g, err := gateway.New(config)
	if err != nil {
		return err
	}
	server := serve(g, listeners...)
	s.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), finishing)
		defer cancel()
		_ = server.Shutdown(ctx)
		_ = server.Close()
	})
	s.step(began, "%d routes to %d functions", len(s.stage.Routes), len(s.functions))
	return nil
}

// listen opens a port on every loopback address of this machine, because "localhost"
// can mean each of them. With port 0 it chooses one that is free on all.
func listen(ctx context.Context, port int) ([]net.Listener, int, error) {
	for range 10 {
		listeners, chosen, err := listenOn(ctx, port)
		if port != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			return listeners, chosen, err
		}
	}
	return nil, 0, errors.New("this machine has no free port left")
}

func listenOn(ctx context.Context, port int) ([]net.Listener, int, error) {
	var config net.ListenConfig
	four, err := config.Listen(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, 0, explain(err, port)
	}
	port = four.Addr().(*net.TCPAddr).Port
	six, err := config.Listen(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		_ = four.Close()
		return nil, 0, explain(err, port)
	}
	listeners := []net.Listener{four}
	if err == nil { // With an error, this machine has no IPv6.
		listeners = append(listeners, six)
	}
	return listeners, port, nil
}

func explain(err error, port int) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %d is taken by another program; choose one with PORT=9000 or --port 9000 (%w)", port, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("port %d is reserved for the system; choose one with PORT=9000 or --port 9000 (%w)", port, err)
	}
	return fmt.Errorf("open port %d: %w", port, err)
}

// serve serves h on the listeners in the background.
func serve(h http.Handler, listeners ...net.Listener) *http.Server {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 30 * time.Second,
		MaxHeaderBytes:    64 << 10,
	}
	for _, l := range listeners {
		go func() { _ = server.Serve(l) }() // Serve returns when the server closes.
	}
	return server
}

// serveInternal serves h on a free port and returns its URL.
func serveInternal(ctx context.Context, h http.Handler) (*http.Server, string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	return serve(h, l), "http://" + l.Addr().String(), nil
}
