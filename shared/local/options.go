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

// Options describe a stack. The zero value runs staging in a checkout.
type Options struct {
	// Dir is the folder for all that survives a restart, [DefaultDir] when empty.
	Dir string
	// Templates is the folder of the templates, DefaultTemplates when empty.
	Templates string
	// Stage names the templates that run, contract.Staging when empty.
	Stage string
	// Binaries is the folder with <function>/bootstrap, bin/<architecture>
	// when empty.
	Binaries string
	// Port is the port of the HTTP API on localhost. 0 chooses a free one.
	Port int
	// ClientDocuments and Registration replace the values of the variables
	// [contract.EnvClientDocuments] and [contract.EnvRegistration] in the
	// templates. When they are empty, the values of the templates stay.
	ClientDocuments, Registration string
	// Mail replaces the value of the variable [contract.EnvMail] in the
	// templates, because a stack has no account that could send mail. It is
	// "off", or "file:" and a folder. Empty means the folder "mail" in Dir.
	Mail string
	// Now is the time in the events of requests. nil means [time.Now].
	Now func() time.Time
	// Ticks returns the times at which a function with a rule of that period
	// runs, and a function that stops them. nil means once in a period.
	Ticks func(every time.Duration) (ticks <-chan time.Time, stop func())
	// Log returns the writer for the log of a function. nil means a file for each
	// function in Dir/logs, which each start empties.
	Log func(function string) io.Writer
	// Patience multiplies how long functions may take, see lambda.Config.
	Patience int
	// Capacity makes [Stack.Calls] count the capacity that functions consume.
	Capacity bool
	// Progress is called for each finished step of the start. It may be nil.
	Progress func(Step)
	// Failed is called for each event with which a function failed. It may be
	// nil.
	Failed func(function string, err error)
}

// Step is a finished step of a start.
type Step struct {
	What string
	Took time.Duration
}

// DefaultTemplates is the folder of the committed templates, relative to the checkout.
const DefaultTemplates = "infra/testdata/snapshots"

// DefaultBinaries is the folder in which make builds the functions for this machine.
var DefaultBinaries = filepath.Join("bin", runtime.GOARCH)

func (o Options) withDefaults() Options {
	if o.Dir == "" {
		o.Dir = DefaultDir
	}
	if o.Templates == "" {
		o.Templates = filepath.FromSlash(DefaultTemplates)
	}
	if o.Stage == "" {
		o.Stage = contract.Staging.Name
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

// told returns the variables that the options replace.
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

// mail reads Mail. Its folder is made absolute, because a function has another
// working directory.
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

// read reads the templates of the stage. It fails when there are none.
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

// short returns the name of a function in the contract. Its folder of binaries and
// its log have that name too.
func (o Options) short(function string) (string, error) {
	prefix := contract.FunctionName(o.Stage, contract.Function{})
	name, ok := strings.CutPrefix(function, prefix)
	if !ok || name == "" || strings.ContainsAny(name, `/\.`) {
		return "", fmt.Errorf("the templates have a function %q: its name does not begin with %s", function, prefix)
	}
	return name, nil
}

// programs returns the paths of the binaries of all functions by short name.
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

// binary returns the absolute path of the bootstrap program of a function.
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
		return "", fmt.Errorf("the binary of function %s is not a program: %s", short, path)
	}
	return path, nil
}
