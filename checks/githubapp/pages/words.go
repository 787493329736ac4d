package pages

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// plain makes a stranger's text of one line: without control characters, and without
// marks that change the direction of writing of what stands beside it.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, s)
}

// lines are those of a text of several lines, each plain.
func lines(s string) []string {
	var out []string
	for line := range strings.Lines(strings.TrimSpace(s)) {
		out = append(out, plain(strings.TrimRight(line, "\r\n")))
	}
	return out
}

// A moment is a time as people say it, and as it is.
type moment struct{ Ago, Full, Machine string }

// moment of a time; nil for none.
func (s *server) moment(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &moment{ago(s.Now().Sub(t), t), t.Format("2 January 2006, 15:04:05 UTC"), t.Format(time.RFC3339)}
}

func ago(d time.Duration, t time.Time) string {
	switch {
	case d < time.Minute: // and what another machine's clock puts into the future
		return "just now"
	case d < time.Hour:
		return count(int(d.Minutes()), "minute") + " ago"
	case d < 24*time.Hour:
		return count(int(d.Hours()), "hour") + " ago"
	case d < 14*24*time.Hour:
		return count(int(d.Hours()/24), "day") + " ago"
	}
	return "on " + t.Format("2 Jan 2006")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// took is how long a check ran.
func took(began, ended time.Time) string {
	d := ended.Sub(began)
	switch {
	case began.IsZero() || ended.IsZero() || d < 0:
		return ""
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

// A badge is a state in one word; Class is its colour.
type badge struct{ Class, Word string }

func badgeOf(at job.Standing) badge {
	switch at.Phase {
	case job.Queued:
		return badge{"busy", "queued"}
	case job.Running:
		return badge{"busy", "running"}
	case job.Superseded:
		return badge{"none", "superseded"}
	case job.Dropped:
		return badge{"none", "closed"}
	}
	switch v := at.Verdict; {
	case v == nil:
		return badge{"none", "unknown"}
	case v.Problem != "":
		return badge{"undone", "not checked"}
	case v.Conclusion == "success":
		return badge{"pass", "pass"}
	case v.Conclusion == "failure":
		return badge{"fail", "fail"}
	case v.Conclusion == "neutral":
		return badge{"mild", "neutral"}
	default:
		return badge{"none", plain(strings.ReplaceAll(v.Conclusion, "_", " "))}
	}
}

func short(commit string) string { return commit[:min(len(commit), 9)] }
