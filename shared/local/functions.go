package local

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/cfn"
	"github.com/tipstaff/tipstaff/shared/local/iam"
	"github.com/tipstaff/tipstaff/shared/local/lambda"
)

// killing is how long Close waits for the functions to end. Before that, the gateway
// has waited for the requests.
const killing = 100 * time.Millisecond

// startFunctions starts the local IAM and creates the functions. A function starts a
// process when it gets its first event.
func (s *Stack) startFunctions(ctx context.Context) error {
	var err error
	s.wall, err = iam.New(iam.Config{
		Stage: s.stage, DynamoDB: s.engine.URL(), SecretsManager: s.secretsURL, Capacity: s.options.Capacity,
	})
	if err != nil {
		return err
	}
	s.onClose(s.wall.Close)
	server, endpoint, err := serveInternal(ctx, s.wall)
	if err != nil {
		return fmt.Errorf("serve the local IAM: %w", err)
	}
	s.onClose(func() { _ = server.Close() })
	for _, f := range s.stage.Functions {
		short, err := s.options.short(f.Name)
		if err != nil {
			return err
		}
		if s.functions[short], err = s.function(f, short, endpoint); err != nil {
			return err
		}
	}
	s.onClose(s.closeFunctions) // Before their logs.
	return nil
}

func (s *Stack) function(f cfn.Function, short, endpoint string) (*lambda.Function, error) {
	key, err := s.wall.Credentials(f.Name)
	if err != nil {
		return nil, err
	}
	env := maps.Clone(f.Env)
	if _, ok := env[contract.EnvIssuer]; ok {
		env[contract.EnvIssuer] = s.url
	}
	for name, value := range s.told {
		if _, ok := env[name]; ok {
			env[name] = value
		}
	}
	maps.Copy(env, map[string]string{
		"AWS_ACCESS_KEY_ID":                key.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY":            key.SecretAccessKey,
		"AWS_SESSION_TOKEN":                key.SessionToken,
		"AWS_ENDPOINT_URL_DYNAMODB":        endpoint,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint,
	})
	log, err := s.log(short)
	if err != nil {
		return nil, err
	}
	return lambda.New(lambda.Config{
		Name: f.Name, ARN: f.ARN, Binary: s.binaries[short], Handler: f.Handler, Region: s.stage.Place.Region,
		Env: env, Memory: f.Memory, Timeout: f.Timeout, Patience: s.options.Patience, Log: log,
	}), nil
}

func (s *Stack) log(short string) (io.Writer, error) {
	if s.options.Log != nil {
		return s.options.Log(short), nil
	}
	f, err := os.OpenFile(s.LogFile(short), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the log of function %s cannot be written: %w", short, err)
	}
	s.onClose(func() { _ = f.Close() })
	return f, nil
}

// Mail returns the folder for mail, or "off" when no mail is sent.
func (s *Stack) Mail() string { return strings.TrimPrefix(s.told[contract.EnvMail], "file:") }

// closeFunctions ends all processes at the same time.
func (s *Stack) closeFunctions() {
	ctx, cancel := context.WithTimeout(context.Background(), killing)
	defer cancel()
	var all sync.WaitGroup
	for _, f := range s.functions {
		if f != nil {
			all.Go(func() { f.Close(ctx) })
		}
	}
	all.Wait()
}

// Invoke invokes a function with an event and returns its answer. No HTTP API is
// involved. The function is named as in the contract.
func (s *Stack) Invoke(ctx context.Context, function string, event []byte) ([]byte, error) {
	f, ok := s.functions[function]
	if !ok {
		return nil, fmt.Errorf("the templates have no function %s", function)
	}
	return f.Invoke(ctx, event)
}

// Invocations returns how many events a function has had.
func (s *Stack) Invocations(function string) int64 {
	if f, ok := s.functions[function]; ok {
		return f.Invocations()
	}
	return 0
}

// Calls is what a function has asked of AWS so far.
func (s *Stack) Calls(function string) iam.Tally {
	return s.wall.Tally(contract.FunctionName(s.options.Stage, contract.Function{Name: function}))
}

// PIDs returns the ids of the running processes of a function.
func (s *Stack) PIDs(function string) []int {
	if f, ok := s.functions[function]; ok {
		return f.PIDs()
	}
	return nil
}

// LogFile returns the path of the log of a function. With [Options] that have Log,
// there is no such file.
func (s *Stack) LogFile(function string) string {
	return filepath.Join(s.options.Dir, "logs", function+".log")
}
