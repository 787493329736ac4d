package githubapp

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// An order is a command of a comment, and what became of it.
type order struct {
	job.Command
	role    string // of who gave it, in the repository
	refused string // why it is not carried out; "" while nothing speaks against it
	silent  bool   // only a reaction says so
}

// rerunRole is what one needs to have a commit judged again: what GitHub asks for its own Re-run button.
const rerunRole = "write"

// examine finds out who may command what. Anybody can write a comment.
func (t *turn) examine(ctx context.Context) error {
	roles := map[string]string{}
	for _, c := range t.work.Commands {
		o := order{Command: c}
		var err error
		role, asked := roles[c.By]
		if !asked {
			r := t.work.Subject.Repository
			if role, err = t.github.Permission(ctx, r.Owner, r.Name, c.By); err != nil {
				return err
			}
			roles[c.By] = role
		}
		o.role = role
		commands := reaches(role, rerunRole) || c.By == t.work.Revision.Author
		switch {
		case c.Name == job.CommandMalformed:
			o.refused, o.silent = rightForm, !commands
		case c.Name == job.CommandRerun && !commands:
			o.refused = fmt.Sprintf("to have a commit judged again, one needs the role %s in this repository, or to have opened the pull request", rerunRole)
		case c.Name == job.CommandOverride && !reaches(role, t.config.OverridePermission):
			o.refused = t.needs(o, t.config.OverridePermission)
		case c.Name == job.CommandOverride:
			if o.refused, err = t.elsewhere(ctx, c); err != nil {
				return err
			}
			if o.refused == "" {
				t.work.Overridden = append(t.work.Overridden, o.override())
			}
		}
		t.orders = append(t.orders, o)
	}
	return nil
}

// rightForm answers what begins as a command, and is none.
const rightForm = "a command is a line `/pmcheck rerun` or `/pmcheck override RULE because REASON`"

// refuse answers commands none of which is to be carried out, and ends the turn where nothing else is to be done: the
// verdict that stands is not made again because somebody asked who may not.
func (t *turn) refuse(ctx context.Context) error {
	if !t.stands || slices.ContainsFunc(t.orders, func(o order) bool { return o.refused == "" }) {
		return nil
	}
	if err := t.reply(ctx, false); err != nil {
		return err
	}
	return job.ErrJudged
}

// elsewhere says why an override is not about the commit that is judged, "" when it is. It answers a verdict that stood
// when it was written: a commit that is pushed after a comment, before it or its event arrives, is not what was meant.
func (t *turn) elsewhere(ctx context.Context, c job.Command) (string, error) {
	stood, err := t.store.JudgedBefore(ctx, t.work.Subject.Key(), t.work.Revision.Head, c.At.Add(time.Second)) // GitHub cuts the fraction off
	if err != nil || stood && c.Head == t.work.Revision.Head {
		return "", err
	}
	return "when it was written, there was no verdict on the newest commit; an override holds for one commit only, so read this verdict and say it again", nil
}

func (t *turn) needs(o order, role string) string {
	return fmt.Sprintf("an override needs the role %s here, and %s has the role %s", role, code(o.By), o.role)
}

func (o order) override() job.Override {
	return job.Override{Rule: o.Rule, Because: o.Because, By: o.By, At: o.At, URL: o.URL}
}

// reaches tells whether a role is another one or more.
func reaches(role, least string) bool {
	has := slices.Index(Roles(), role)
	return has >= 0 && has >= slices.Index(Roles(), least)
}

// override keeps the overrides that the project's own configuration allows too. What it
// does not allow is taken back, and the code is judged once more without it.
func (t *turn) override(ctx context.Context) error {
	var granted []order
	again := false
	for i := range t.orders {
		o := &t.orders[i]
		if o.Name != job.CommandOverride || o.refused != "" {
			continue
		}
		a := t.answer
		switch {
		case a.Problem != "":
			o.refused = "the commit could not be checked: " + a.Problem
		case a.Permission != "" && !reaches(o.role, a.Permission):
			o.refused, again = t.needs(*o, a.Permission), true
		case slices.Contains(a.Never, o.Rule):
			o.refused, again = fmt.Sprintf("the configuration lets nobody override %s (overrides: never)", code(o.Rule)), true
		case a.Suppressed[o.Rule] == 0:
			o.refused, again = fmt.Sprintf("%s has found nothing in this commit that an override is needed for", code(o.Rule)), true
		default:
			granted = append(granted, *o)
			continue
		}
		t.work.Overridden = slices.DeleteFunc(t.work.Overridden, func(v job.Override) bool { return v == o.override() })
	}
	if again {
		if err := t.check(ctx); err != nil {
			return err
		}
	}
	for _, o := range granted {
		if err := t.store.Override(ctx, t.work.Subject.Key(), t.work.Revision.Head, o.override()); err != nil {
			return err
		}
		t.log.InfoContext(ctx, "override", "rule", o.Rule, "by", o.By, "role", o.role, "head", t.work.Revision.Head, "comment", o.URL)
	}
	return nil
}

// unanswered gives the commands that nobody could carry out that reason.
func (t *turn) unanswered(reason string) {
	if t.orders == nil {
		for _, c := range t.work.Commands {
			t.orders = append(t.orders, order{Command: c})
		}
	}
	for i := range t.orders {
		o := &t.orders[i]
		switch {
		case o.refused != "":
		case o.Name == job.CommandMalformed: // who has written it was not asked
			o.refused, o.silent = rightForm, true
		default:
			o.refused = "the commit could not be checked: " + reason
		}
	}
}

// reply answers the commands: a reaction to each comment, and one comment that says what
// was done and what was wrong. judged tells that the verdict was made anew for them. It
// stands already, so an answer that GitHub does not take is logged and left at that; a
// comment whose answer is lost may be there.
func (t *turn) reply(ctx context.Context, judged bool) error {
	if len(t.orders) == 0 {
		return nil
	}
	if err := t.store.CarriedOut(ctx, t.work, judged); err != nil {
		return err
	}
	r := t.work.Subject.Repository
	reactions := map[int64]string{}
	var lines []string
	for _, o := range t.orders {
		reaction := "+1"
		switch {
		case o.Name == job.CommandMalformed:
			reaction = "confused"
			if !o.silent {
				lines = append(lines, fmt.Sprintf("- %s by %s: not understood. %s.", code(o.text()), code(o.By), upper(o.refused)))
			}
		case o.refused != "":
			reaction = "-1"
			lines = append(lines, fmt.Sprintf("- %s by %s: not done. %s.", code(o.text()), code(o.By), upper(o.refused)))
		case o.Name == job.CommandOverride:
			lines = append(lines, fmt.Sprintf("- %s by %s: done, for commit %s only.", code(o.text()), code(o.By), t.work.Revision.Head))
		}
		if had := reactions[o.Comment]; had == "" || had == "+1" {
			reactions[o.Comment] = reaction
		}
	}
	for comment, reaction := range reactions {
		if err := t.github.React(ctx, r.Owner, r.Name, comment, reaction); err != nil {
			t.log.WarnContext(ctx, "a command was not answered by a reaction", "comment", comment, "error", err)
		}
	}
	if len(lines) > 0 {
		if _, err := t.github.Comment(ctx, r.Owner, r.Name, t.work.Subject.Number, strings.Join(lines, "\n")); err != nil {
			t.log.WarnContext(ctx, "commands were not answered by a comment", "error", err)
		}
	}
	return nil
}

func (o order) text() string {
	switch o.Name {
	case job.CommandMalformed:
		return o.Because
	case job.CommandOverride:
		return fmt.Sprintf("/pmcheck override %s because %s", o.Rule, o.Because)
	}
	return "/pmcheck " + o.Name
}

// code is a stranger's text as inline code, in which nothing is Markdown and nobody is mentioned.
func code(text string) string {
	return "`" + strings.Map(func(r rune) rune {
		switch {
		case r == '`':
			return '\''
		case r < ' ' || r == 0x7f:
			return ' '
		}
		return r
	}, text) + "`"
}

func upper(s string) string {
	if s == "" || s[0] == '`' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
