package githubapp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// answers are the App's comments below a pull request, and its reactions to a comment.
func answers(pull *fakegithub.Pull, comment int64) (comments []string, reactions []string) {
	for _, c := range pull.Comments() {
		if c.ID == comment {
			reactions = c.Reactions
		}
		if strings.HasSuffix(c.User, "[bot]") {
			comments = append(comments, c.Body)
		}
	}
	return comments, reactions
}

// overridable is a pull request whose only error is of one rule, with a verdict that says so.
func overridable(s *scene, branch string) (*fakegithub.Pull, string) {
	s.Helper()
	pull := s.change(branch, map[string]string{"migrations/0003_index.up.sql": "CREATE INDEX by_name ON customers (full_name);\n", "migrations/0003_index.down.sql": "DROP INDEX by_name;\n"})
	run := s.one(s.repo, pull.Head(), "failure")
	rules := map[string]bool{}
	for _, a := range run.Annotations {
		if a.AnnotationLevel == "failure" {
			rules[a.Title] = true
		}
	}
	if len(rules) != 1 || !strings.Contains(run.Summary, "index-not-concurrent") {
		s.Fatalf("the pull request has other errors: %v\n%s", rules, run.Summary)
	}
	return pull, "index-not-concurrent"
}

func TestOverride(t *testing.T) {
	s := newScene(t, nil)
	for login, role := range map[string]string{"maintainer": "maintain", "writer": "write", "reader": "read"} {
		s.github.User(login)
		s.repo.SetPermission(login, role)
	}
	pull, rule := overridable(s, "index")
	say := func(login, text string) (comments, reactions []string) {
		t.Helper()
		had, _ := answers(pull, 0)
		id := pull.Comment(login, text)
		s.idle()
		all, reactions := answers(pull, id)
		return all[len(had):], reactions
	}
	judged := func() int { return strings.Count(s.log.String(), `"msg":"verdict"`) }
	verdict := func() string { runs := s.repo.CheckRuns(pull.Head()); return runs[len(runs)-1].Conclusion }

	for _, test := range []struct {
		login, text, want, reaction, conclusion string
	}{
		{"reader", "/pmcheck override " + rule + " because I say so", "needs the role maintain here, and `reader` has the role read", "-1", "failure"},
		{"writer", "/pmcheck override " + rule + " because @acme/admins agreed <b>", "and `writer` has the role write", "-1", "failure"},
		{"maintainer", "/pmcheck override table-rewrite because I say so", "`table-rewrite` has found nothing in this commit", "-1", "failure"},
		{"maintainer", "Looks good.\n\n/pmcheck override " + rule + " because the table has ten rows", "done, for commit " + pull.Head() + " only", "+1", "success"},
		{"reader", "/pmcheck rerun", "one needs the role write", "-1", "success"},
		{"writer", "/pmcheck override " + rule, "not understood. A command is a line `/pmcheck rerun` or `/pmcheck override RULE because REASON`.", "confused", "success"},
	} {
		before := judged()
		comments, reactions := say(test.login, test.text)
		if len(comments) != 1 || !strings.Contains(comments[0], test.want) || !slices.Equal(reactions, []string{test.reaction}) {
			t.Errorf("%s: %q is answered by %q and %q", test.login, test.text, comments, reactions)
		}
		if again := judged() > before; again != (test.login == "maintainer") {
			t.Errorf("%s: %q has it judged again: %v", test.login, test.text, again)
		}
		for _, c := range comments {
			if strings.Count(c, "`")%2 != 0 || strings.Contains(strings.ReplaceAll(c, "`"+test.text[strings.Index(test.text, "/pmcheck"):]+"`", ""), "@") {
				t.Errorf("a stranger's words are not kept in code: %q", c)
			}
		}
		if got := verdict(); got != test.conclusion {
			t.Errorf("%s: %q leaves it as %s, want %s", test.login, test.text, got, test.conclusion)
		}
	}
	runs := s.repo.CheckRuns(pull.Head())
	if last := runs[len(runs)-1]; !strings.Contains(last.Summary, "maintainer") || !strings.Contains(last.Summary, "ten rows") {
		t.Errorf("the check run does not say who overrode it and why:\n%s", last.Summary)
	}

	// A stranger's line that is no command gets no comment, and nothing gets two.
	for _, test := range []struct {
		login, text string
		reactions   []string
		comments    int
	}{
		{"reader", "/pmcheck please\n/pmcheck help", []string{"confused"}, 0},
		{"writer", "/pmcheck please\n/pmcheck help", []string{"confused"}, 1},
		{"writer", "/pmcheck help\n/pmcheck rerun", []string{"confused"}, 1},
		{"writer", "/pmcheck.yml is missing", nil, 0},
	} {
		before := judged()
		comments, reactions := say(test.login, test.text)
		if len(comments) != test.comments || !slices.Equal(reactions, test.reactions) {
			t.Errorf("%s: %q is answered by %q and %q", test.login, test.text, comments, reactions)
		}
		if again := judged() > before; again != strings.Contains(test.text, "rerun") {
			t.Errorf("%s: %q has it judged again: %v", test.login, test.text, again)
		}
	}

	// It holds for that commit only, also when the next one is there before the comment's event.
	pull.Push(map[string]string{"README": "x"})
	s.one(s.repo, pull.Head(), "failure")
	s.github.Hold()
	pull.Comment("maintainer", fmt.Sprintf("/pmcheck override %s because the table has ten rows", rule))
	held := s.github.Held()
	pull.Push(map[string]string{"README": "y"})
	for _, d := range held {
		s.github.Send(d)
	}
	s.idle()
	if got := verdict(); got != "failure" {
		t.Errorf("an override of the commit before ends in %s", got)
	}
}

// TestOverrideByProject has the project ask for more than the App does, and name a rule that nobody may override.
func TestOverrideByProject(t *testing.T) {
	s := newScene(t, nil)
	s.repo.Commit("main", map[string]string{".pmcheck.yml": "version: 1\noverrides: {permission: admin, never: [drops-data, old-code-breaks]}\n"})
	for login, role := range map[string]string{"maintainer": "maintain", "boss": "admin"} {
		s.github.User(login)
		s.repo.SetPermission(login, role)
	}
	pull, rule := overridable(s, "index")
	for _, test := range []struct{ login, want, conclusion string }{
		{"maintainer", "needs the role admin here, and `maintainer` has the role maintain", "failure"},
		{"boss", "done, for commit", "success"},
	} {
		id := pull.Comment(test.login, "/pmcheck override "+rule+" because of reasons")
		s.idle()
		comments, _ := answers(pull, id)
		runs := s.repo.CheckRuns(pull.Head())
		if !strings.Contains(comments[len(comments)-1], test.want) || runs[len(runs)-1].Conclusion != test.conclusion {
			t.Errorf("%s: %s, %q", test.login, runs[len(runs)-1].Conclusion, comments[len(comments)-1])
		}
	}
	drop := s.change("drop", after())
	s.one(s.repo, drop.Head(), "failure")
	drop.Comment("boss", "/pmcheck override old-code-breaks because I am the boss")
	s.idle()
	comments, _ := answers(drop, 0)
	if run := s.verdict(s.repo, drop.Head()); run.Conclusion != "failure" || len(comments) != 1 || !strings.Contains(comments[0], "lets nobody override `old-code-breaks`") {
		t.Errorf("%s, %q", run.Conclusion, comments)
	}
}
