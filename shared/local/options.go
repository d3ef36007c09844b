package local

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/tipstaff/tipstaff/shared/contract"
	"github.com/tipstaff/tipstaff/shared/local/cfn"
)

// Options say what runs where. The zero value runs staging in a checkout.
type Options struct {
	// Dir keeps everything that survives a restart, DefaultDir when empty.
	Dir string
	// Templates is the folder of the templates, DefaultTemplates when empty.
	Templates string
	// Stage names the templates that run, "staging" when empty.
	Stage string
	// Binaries is the folder with <function>/bootstrap, bin/<architecture>
	// when empty.
	Binaries string
	// Port of the HTTP API on localhost; 0 chooses a free one.
	Port int
	// ClientDocuments and Registration are told to the functions in place of
	// what the templates say (see contract.EnvClientDocuments and
	// contract.EnvRegistration); empty leaves it at that.
	ClientDocuments, Registration string
	// Mail is told to the functions in place of what the templates say (see
	// contract.EnvMail): "off", or "file:" with a folder for the mail, which is
	// "mail" in Dir when empty. A stack has no account that could send any.
	Mail string
	// Now is the time that requests are told; nil means time.Now.
	Now func() time.Time
	// Ticks returns when a function with a rule of that period runs, and ends
	// that; nil means once in a period.
	Ticks func(every time.Duration) (ticks <-chan time.Time, stop func())
	// Log returns where a function's lines go; nil means a file for each
	// function in Dir/logs, begun anew at each start.
	Log func(function string) io.Writer
	// Patience multiplies what functions may take, see lambda.Config.
	Patience int
	// Capacity counts the capacity that functions consume, see wall.Tally.
	Capacity bool
	// Progress is told of each finished step; nil means nobody is.
	Progress func(Step)
	// Failed is told of each event that a function failed; nil means nobody
	// is.
	Failed func(function string, err error)
}

// Step is a finished part of a start.
type Step struct {
	What string
	Took time.Duration
}

// DefaultTemplates is the folder of the committed templates in the checkout.
const DefaultTemplates = "infra/testdata/snapshots"

// DefaultBinaries is where make puts the functions for this machine.
var DefaultBinaries = filepath.Join("bin", runtime.GOARCH)

const defaultStage = "staging"

func (o Options) withDefaults() Options {
	if o.Dir == "" {
		o.Dir = DefaultDir
	}
	if o.Templates == "" {
		o.Templates = filepath.FromSlash(DefaultTemplates)
	}
	if o.Stage == "" {
		o.Stage = defaultStage
	}
	if o.Binaries == "" {
		o.Binaries = DefaultBinaries
	}
	if o.Mail == "" {
		o.Mail = contract.MailPolicy{Folder: filepath.Join(o.Dir, "mail")}.String()
	}
	if o.Ticks == nil {
		o.Ticks = ticker
	}
	if o.Progress == nil {
		o.Progress = func(Step) {}
	}
	if o.Failed == nil {
		o.Failed = func(string, error) {}
	}
	return o
}

// told returns the variables that the options tell instead of the templates.
func (o Options) told() (map[string]string, error) {
	policy, err := o.mail()
	if err != nil {
		return nil, err
	}
	told := map[string]string{contract.EnvMail: policy.String()}
	if o.ClientDocuments != "" {
		if _, err := contract.ParseClientDocuments(o.ClientDocuments); err != nil {
			return nil, fmt.Errorf("client documents: %w", err)
		}
		told[contract.EnvClientDocuments] = o.ClientDocuments
	}
	if o.Registration != "" {
		if _, err := contract.ParseRegistration(o.Registration); err != nil {
			return nil, fmt.Errorf("registration is %q: %w", o.Registration, err)
		}
		told[contract.EnvRegistration] = o.Registration
	}
	return told, nil
}

// mail reads Mail. Functions run in no folder of their own, so they are told an
// absolute one.
func (o Options) mail() (contract.MailPolicy, error) {
	policy, err := contract.ParseMail(o.Mail)
	if err == nil && policy.From != "" {
		err = errors.New("it is neither off nor file:<folder>")
	}
	if err == nil && policy.Folder != "" {
		policy.Folder, err = filepath.Abs(policy.Folder)
	}
	if err != nil {
		return policy, fmt.Errorf("mail is %q: %w", o.Mail, err)
	}
	return policy, nil
}

// read reads the templates of the stage.
func (o Options) read() (*cfn.Stage, error) {
	files, err := filepath.Glob(filepath.Join(o.Templates, "tipstaff-"+o.Stage+"-*.template.json"))
	if err != nil {
		return nil, fmt.Errorf("find templates: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there are no templates of stage %s in %s; run this in the checkout, or name their folder with --templates", o.Stage, o.Templates)
	}
	return cfn.Read(cfn.Local, files...)
}

// short is the name of a function in the contract, which is also the name of
// its folder of binaries and of its log.
func (o Options) short(function string) (string, error) {
	prefix := contract.FunctionName(o.Stage, contract.Function{})
	name, ok := strings.CutPrefix(function, prefix)
	if !ok || name == "" || strings.ContainsAny(name, `/\.`) {
		return "", fmt.Errorf("the templates have a function %q, whose name is not %s and more", function, prefix)
	}
	return name, nil
}

// programs returns the binaries of all functions by their short names.
func (o Options) programs(stage *cfn.Stage) (map[string]string, error) {
	all := map[string]string{}
	for _, f := range stage.Functions {
		short, err := o.short(f.Name)
		if err != nil {
			return nil, err
		}
		if all[short], err = o.binary(short); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// binary returns the absolute path of a function's bootstrap.
func (o Options) binary(short string) (string, error) {
	path, err := filepath.Abs(filepath.Join(o.Binaries, short, "bootstrap"))
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the binary of function %s is missing: there is no %s; `make handlers` builds it", short, path)
	}
	if err != nil {
		return "", fmt.Errorf("find the binary of function %s: %w", short, err)
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return "", fmt.Errorf("the binary of function %s is no program: %s", short, path)
	}
	return path, nil
}
