// Package ghissues asks GitHub what became of issues, and writes comments below them
// (https://docs.github.com/en/rest/issues): the tracker that action items of post-mortems point to. It knows nothing of
// post-mortems.
package ghissues

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// A Ref names an issue or a pull request at GitHub.
type Ref struct {
	Owner, Name string
	Number      int
}

// String is owner/name#12.
func (r Ref) String() string { return fmt.Sprintf("%s/%s#%d", r.Owner, r.Name, r.Number) }

var (
	namePart  = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)
	shortForm = regexp.MustCompile(`^(?:([A-Za-z0-9_.-]+)/([A-Za-z0-9_.-]+))?#([0-9]{1,9})$`)
	pathForm  = regexp.MustCompile(`^/([^/]+)/([^/]+)/(?:issues|pull)/([0-9]{1,9})/?$`)
)

// ParseRef reads what people write for an issue: its address at site (https://github.com, or that of an Enterprise Server),
// owner/name#12, or #12 where repository, owner/name, says which one is meant. It is false for anything else, such as the
// ticket of another tracker.
func ParseRef(text, site, repository string) (Ref, bool) {
	text = strings.TrimSpace(text)
	if m := shortForm.FindStringSubmatch(text); m != nil {
		if m[1] == "" {
			m[1], m[2], _ = strings.Cut(repository, "/")
		}
		return ref(m[1:])
	}
	u, err := url.Parse(text)
	home, homeErr := url.Parse(site)
	if err != nil || homeErr != nil || u.Scheme != "https" && u.Scheme != home.Scheme || home.Host == "" || !strings.EqualFold(u.Host, home.Host) {
		return Ref{}, false
	}
	if m := pathForm.FindStringSubmatch(u.Path); m != nil {
		return ref(m[1:])
	}
	return Ref{}, false
}

func ref(parts []string) (Ref, bool) {
	number, err := strconv.Atoi(parts[2])
	r := Ref{parts[0], parts[1], number}
	return r, err == nil && number > 0 && r.valid()
}

// valid keeps what is no name out of the paths of calls.
func (r Ref) valid() bool {
	for _, part := range []string{r.Owner, r.Name} {
		if !namePart.MatchString(part) || part == "." || part == ".." {
			return false
		}
	}
	return r.Number > 0
}
