package setup

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp"
	"github.com/pmcheck/pmcheck/internal/outgoing"
)

// Status says how one thing is.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning" // it works, but not as it should, or not for long
	Wrong   Status = "wrong"   // it does not work
	Unknown Status = "unknown" // it cannot be known from here
	Unasked Status = "unasked" // who could have told did not answer
)

// A Finding is what became of one question.
type Finding struct {
	Check   string `json:"check"` // "permissions"
	Status  Status `json:"status"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"` // what to do
}

// Doctor looks at everything that pmcheck serve needs, and changes nothing.
type Doctor struct {
	Client *http.Client                               // nil: one with a time limit
	Now    func() time.Time                           // nil: time.Now
	Git    string                                     // the program; "" = git
	Free   func(dir string) (bytes uint64, err error) // what a folder's disk has left; nil: asks the system
	Report func(Finding)                              // is told each finding as it is found
}

// Run examines an App's configuration, the machine, and what GitHub says of the App. It
// returns the worst status: Wrong, then Unasked, then Warning. What Unknown stands for is no fault.
func (d *Doctor) Run(ctx context.Context, load func() (githubapp.Config, error)) Status {
	x := &examination{Doctor: *d, worst: OK}
	if x.Client == nil {
		x.Client = &http.Client{Timeout: 20 * time.Second, CheckRedirect: outgoing.NoRedirect}
	}
	if x.Now == nil {
		x.Now = time.Now
	}
	if x.Free == nil {
		x.Free = freeBytes
	}
	if x.Git == "" {
		x.Git = "git"
	}
	config, err := load()
	if mistakes := (*githubapp.ConfigError)(nil); errors.As(err, &mistakes) {
		for _, m := range mistakes.Mistakes {
			x.report("configuration", Wrong, m, "correct it; nothing else was looked at")
		}
		return x.worst
	} else if err != nil {
		x.report("configuration", Wrong, err.Error(), "correct it; nothing else was looked at")
		return x.worst
	}
	x.config = config
	x.report("configuration", OK, "it can be read", "")
	x.gitVersion(ctx)
	x.dataFolder()
	x.database(ctx)
	x.certificate()
	x.github(ctx)
	return x.worst
}

// examination is one run of the doctor.
type examination struct {
	Doctor
	config githubapp.Config
	worst  Status

	reached bool // a delivery of GitHub's was accepted: it reaches us, whatever this machine can reach
}

var gravity = map[Status]int{OK: 0, Unknown: 0, Warning: 1, Unasked: 2, Wrong: 3}

func (x *examination) report(check string, status Status, message, remedy string) {
	if gravity[status] > gravity[x.worst] {
		x.worst = status
	}
	if x.Report != nil {
		x.Report(Finding{Check: check, Status: status, Message: message, Remedy: remedy})
	}
}

// list joins names for a sentence, with no more than a few of them.
func list(names []string) string {
	const most = 5
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and others"
	}
	return strings.Join(names, ", ")
}
