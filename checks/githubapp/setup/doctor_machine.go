package setup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/store"
)

// leastGit is the oldest git that pmcheck is tested with, and leastGitMinor its second number.
const leastGit, leastGitMinor = 2, 35

// certificateNotice is how long before its end a certificate is spoken of.
const certificateNotice = 14 * 24 * time.Hour

var gitVersionForm = regexp.MustCompile(`^git version (\d+)\.(\d+)`)

func (x *examination) gitVersion(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	remedy := fmt.Sprintf("install git %d.%d or newer", leastGit, leastGitMinor)
	out, err := exec.CommandContext(ctx, x.Git, "version").Output()
	if err != nil {
		x.report("git", Wrong, "it does not run: "+err.Error(), remedy)
		return
	}
	found := gitVersionForm.FindSubmatch(out)
	if found == nil {
		x.report("git", Unknown, fmt.Sprintf("it calls itself %.40q", out), remedy)
		return
	}
	major, _ := strconv.Atoi(string(found[1]))
	minor, _ := strconv.Atoi(string(found[2]))
	if major < leastGit || major == leastGit && minor < leastGitMinor {
		x.report("git", Wrong, fmt.Sprintf("version %d.%d is too old", major, minor), remedy)
		return
	}
	x.report("git", OK, fmt.Sprintf("version %d.%d", major, minor), "")
}

func (x *examination) dataFolder() {
	dir, note := x.config.Data, ""
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			x.report("data folder", Wrong, dir+" is not a folder", "choose another as data")
			return
		}
		if err == nil {
			break
		}
		if parent := filepath.Dir(dir); !errors.Is(err, fs.ErrNotExist) || parent == dir {
			x.report("data folder", Wrong, err.Error(), "let the user of pmcheck serve into it")
			return
		}
		dir, note = filepath.Dir(dir), ", which pmcheck serve makes,"
	}
	probe, err := os.CreateTemp(dir, ".pmcheck-doctor-*")
	if err == nil {
		err = errors.Join(probe.Close(), os.Remove(probe.Name()))
	}
	if err != nil {
		x.report("data folder", Wrong, "it cannot be written: "+err.Error(), "let the user of pmcheck serve write it; run the doctor as that user")
		return
	}
	x.report("data folder", OK, x.config.Data+note+" can be written", "")

	free, err := x.Free(dir)
	remedy := "give the disk room, or lower mirror_space"
	switch {
	case err != nil:
		x.report("disk", Unknown, err.Error(), "")
	case free < leastFree:
		x.report("disk", Wrong, fmt.Sprintf("%d MB are free, and below %d MB pmcheck serve does not call itself ready", free>>20, leastFree>>20), remedy)
	case free < 4*leastFree:
		x.report("disk", Warning, fmt.Sprintf("%d MB are free", free>>20), remedy)
	default:
		x.report("disk", OK, fmt.Sprintf("%.1f GB are free", float64(free)/(1<<30)), "")
	}
}

// leastFree is what /readyz wants to be free, in bytes.
const leastFree = 256 << 20

func freeBytes(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

// leastPostgres is the oldest PostgreSQL that the store is tested on, as server_version_num.
const leastPostgres = 140000

func (x *examination) database(ctx context.Context) {
	found, err := store.Inspect(ctx, x.config.Database)
	if err != nil {
		x.report("database", Wrong, err.Error(), "see that it runs, and that database names it and a user who may use it")
		return
	}
	what := "SQLite"
	if found.Server != "" {
		what = "PostgreSQL " + found.Server
	}
	switch {
	case found.Server != "" && found.Number < leastPostgres:
		x.report("database", Wrong, what+" is too old", fmt.Sprintf("use PostgreSQL %d or newer", leastPostgres/10000))
	case !found.Made:
		x.report("database", OK, what+"; pmcheck serve makes its tables when it starts", "")
	case found.Version > found.Newest:
		x.report("database", Warning, fmt.Sprintf("%s has migration %d, and this program knows no more than %d", what, found.Version, found.Newest),
			"that is as it should be while one release takes the place of the next; else run the newer program")
	case found.Version < found.Newest:
		x.report("database", OK, fmt.Sprintf("%s has migration %d; pmcheck serve brings it to %d at the start", what, found.Version, found.Newest), "")
	default:
		x.report("database", OK, fmt.Sprintf("%s, at migration %d, the newest", what, found.Version), "")
	}
}

// certificate reads the one that pmcheck serve itself would show.
func (x *examination) certificate() {
	if x.config.TLSCertificate == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(x.config.TLSCertificate, x.config.TLSKey)
	if err != nil {
		x.report("certificate", Wrong, err.Error(), "correct tls_certificate and tls_key")
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		x.report("certificate", Wrong, err.Error(), "correct tls_certificate")
		return
	}
	if x.config.URL != nil {
		if err := leaf.VerifyHostname(x.config.URL.Hostname()); err != nil {
			x.report("certificate", Wrong, err.Error(), "get a certificate for "+x.config.URL.Hostname())
			return
		}
	}
	x.certificateDates("certificate", leaf)
}

func (x *examination) certificateDates(check string, leaf *x509.Certificate) {
	now, end := x.Now(), leaf.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case now.Before(leaf.NotBefore):
		x.report(check, Wrong, "the certificate is valid only from "+leaf.NotBefore.UTC().Format(time.DateOnly), "see the clock, or get another certificate")
	case now.After(leaf.NotAfter):
		x.report(check, Wrong, "the certificate ended on "+end, "renew it, and restart pmcheck serve or the proxy")
	case leaf.NotAfter.Sub(now) < certificateNotice:
		x.report(check, Warning, "the certificate ends on "+end, "renew it, and restart pmcheck serve or the proxy")
	default:
		x.report(check, OK, "the certificate is valid until "+end, "")
	}
}

// publicAddress asks pmcheck serve by the way that GitHub takes, as far as this machine can: a network may well let
// others in and not itself, so after a delivery that was accepted it is no more than a warning.
func (x *examination) publicAddress(ctx context.Context) {
	if x.config.URL == nil {
		x.report("public address", Unknown, "url is not configured", "")
		return
	}
	address := under(x.config.URL, healthPath)
	wrong := func(message, remedy string) {
		status := Wrong
		if x.reached {
			status, message = Warning, message+"; GitHub reaches it, though"
		}
		x.report("public address", status, message, remedy)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		wrong(err.Error(), "correct url")
		return
	}
	response, err := x.Client.Do(request)
	if err != nil {
		remedy := "start pmcheck serve; then see name service, firewall and proxy"
		if bad := (*tls.CertificateVerificationError)(nil); errors.As(err, &bad) {
			remedy = "get a certificate that GitHub can verify, with its whole chain"
		}
		wrong(fmt.Sprintf("%s does not answer: %v", address, withoutAddress(err)), remedy)
		return
	}
	defer response.Body.Close()
	if _, err := io.CopyN(io.Discard, response.Body, 1<<10); err != nil && !errors.Is(err, io.EOF) {
		wrong(fmt.Sprintf("%s breaks off: %v", address, err), "see the proxy before pmcheck serve")
		return
	}
	if response.StatusCode != http.StatusOK {
		wrong(fmt.Sprintf("%s answers %s", address, response.Status), "have the proxy pass everything on to pmcheck serve")
		return
	}
	x.report("public address", OK, address+" answers", "")
	if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
		x.certificateDates("public certificate", response.TLS.PeerCertificates[0])
	}
}
