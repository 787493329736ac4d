// Package incident tells people in Slack how a deploy ended, opens a channel for an incident, keeps what is known of it in a
// small file, and makes the draft of a post-mortem of it when it is over.
package incident

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Folder is where the files of incidents are, from the working directory, when --file names none.
const Folder = ".pmcheck/incidents"

// maxName is Slack's limit of a channel's name, in characters (conversations.create).
const maxName = 80

// Phases are those of an incident, in their order.
var Phases = []string{"detect", "triage", "mitigate", "resolve"}

// The states of an incident.
const (
	opening = "opening" // not all of it stands in Slack yet
	open    = "open"
	closed  = "closed"
)

// State is an incident, as its file has it. People stand in it by their ids in Slack, not by name.
type State struct {
	Version  int       `json:"version"` // 1
	ID       string    `json:"id"`      // inc-20260303-orders-500s
	Title    string    `json:"title"`
	Status   string    `json:"status"` // opening | open | closed
	Severity string    `json:"severity,omitempty"`
	Services []string  `json:"services,omitempty"`
	Channel  Channel   `json:"channel"`
	Phases   []Phase   `json:"phases"` // in the order in which they were said
	Started  time.Time `json:"started_at,omitzero"`
	Opened   time.Time `json:"opened_at"`
	Closed   time.Time `json:"closed_at,omitzero"`
	Commit   string    `json:"commit,omitempty"` // that was deployed
	BuildURL string    `json:"build_url,omitempty"`
	Details  []string  `json:"details,omitempty"` // of the summary, in mrkdwn
	// Roles name people by what they do: "on-call". Keys are Slack's ids.
	Roles   map[string]string `json:"roles,omitempty"`
	Invited []string          `json:"invited,omitempty"`
	Written string            `json:"document,omitempty"` // the file of the post-mortem that was begun or gone on with

	file string
}

// Channel is where an incident is talked about.
type Channel struct {
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	Own      bool   `json:"own"`                // made for this incident
	Reason   string `json:"reason,omitempty"`   // why it has none of its own
	Summary  string `json:"summary,omitempty"`  // the timestamp of the summary; not Own: of the thread too
	Topic    string `json:"topic,omitempty"`    // that is set
	Pinned   bool   `json:"pinned,omitempty"`   // the summary is
	Archived bool   `json:"archived,omitempty"` // on request, at the close
}

// Phase is the beginning of a phase, or a note within it.
type Phase struct {
	Name     string    `json:"name"`
	At       time.Time `json:"at"`
	Severity string    `json:"severity,omitempty"` // from then on
	Note     string    `json:"note,omitempty"`
}

// Phase is the name of the phase that the incident is in.
func (s *State) Phase() string {
	return s.Phases[len(s.Phases)-1].Name // there is one from the beginning
}

// began is when a phase first began; the zero time when it did not.
func (s *State) began(phase string) time.Time {
	for _, p := range s.Phases {
		if p.Name == phase {
			return p.At
		}
	}
	return time.Time{}
}

// File is the file that the incident is kept in.
func (s *State) File() string { return s.file }

// IsOpen tells that the incident is not closed.
func (s *State) IsOpen() bool { return s.Status != closed }

// ID makes the id of an incident, which is its channel's name too: inc-, the day in UTC, the words of its title, within
// Slack's rules (lower case, letters, digits and hyphens, 80 characters).
func ID(day time.Time, title string) string {
	words := strings.FieldsFunc(strings.ToLower(norm.NFKD.String(title)), func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && !unicode.Is(unicode.Mn, c)
	})
	id := "inc-" + day.UTC().Format("20060102")
	for _, word := range words {
		word = strings.Map(func(c rune) rune { // the accents that NFKD took off
			if c > '~' {
				return -1
			}
			return c
		}, word)
		if room := maxName - len(id) - len("-99"); len(word)+1 > room { // a number may have to follow
			if strings.Count(id, "-") > 1 || room < 2 {
				break
			}
			word = word[:room-1]
		}
		if word != "" {
			id += "-" + word
		}
	}
	return id
}

var validID = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,79}$`)

// CheckID says what is wrong with an id that a person gave.
func CheckID(id string) error {
	if !validID.MatchString(id) {
		return fmt.Errorf("%q cannot be a channel's name in Slack: lower case letters, digits, hyphens and underscores, %d at most", id, maxName)
	}
	return nil
}

// Path is the file of an incident by its id.
func Path(id string) string { return filepath.Join(filepath.FromSlash(Folder), id+".json") }

// ErrNone says that there is no incident.
var ErrNone = errors.New("there is no incident")

// Load reads an incident's file. Without the file the error is fs.ErrNotExist.
func Load(file string) (*State, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s := &State{file: file}
	if err := json.Unmarshal(content, s); err != nil {
		return nil, fmt.Errorf("%s is not an incident's file: %w", file, err)
	}
	switch {
	case s.Version != 1:
		return nil, fmt.Errorf("%s: version %d of an incident's file, expected 1", file, s.Version)
	case CheckID(s.ID) != nil || !slices.Contains([]string{opening, open, closed}, s.Status):
		return nil, fmt.Errorf("%s is not an incident's file: its id or its status cannot be one", file)
	case len(s.Phases) == 0:
		return nil, fmt.Errorf("%s is not an incident's file: it has no phases", file)
	}
	return s, nil
}

// Find gives the one incident in [Folder] that is open. The error says what there is instead, and is [ErrNone] for none.
func Find() (*State, error) {
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(Folder), "*.json"))
	if err != nil {
		return nil, err
	}
	var found []*State
	var names []string
	for _, file := range files {
		s, err := Load(file)
		if err != nil {
			return nil, err
		}
		if s.IsOpen() {
			found, names = append(found, s), append(names, s.ID)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%w open in %s: name its file with --file", ErrNone, Folder)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("several incidents are open (%s): name one with --id", strings.Join(names, ", "))
}

// save writes the file, so that whoever reads it finds the old or the new one, and never half of one.
func (s *State) save() error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // links in mrkdwn remain readable
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.file), 0o777); err != nil {
		return fmt.Errorf("keep the incident: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(s.file), ".incident-*")
	if err != nil {
		return fmt.Errorf("keep the incident: %w", err)
	}
	_, err = f.Write(text.Bytes())
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), s.file)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("keep the incident: %w", err)
	}
	return nil
}

// exists tells that a file is there.
func exists(file string) bool {
	_, err := os.Stat(file)
	return !errors.Is(err, fs.ErrNotExist)
}
