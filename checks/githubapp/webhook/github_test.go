package webhook

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
	"github.com/pmcheck/pmcheck/internal/fakegithub"
)

// line is a want in short.
func line(w job.Want) string {
	what := fmt.Sprintf("%s: #%d%s %.7s", w.Reason, w.Subject.Number, w.Subject.Ref, w.Revision.Head)
	for _, flag := range []struct {
		set  bool
		name string
	}{{w.Cancel, "cancel"}, {w.Again, "again"}, {w.Refresh, "refresh"}, {w.Revision.Fork, "fork"}, {w.Change != nil && w.Change.Gone, "gone"}, {w.Change != nil && w.Change.All, "all"}} {
		if flag.set {
			what += " " + flag.name
		}
	}
	if w.Command != nil {
		what += " " + w.Command.By + " " + w.Command.Rule + " " + w.Command.Because
	}
	return strings.Join(strings.Fields(what), " ")
}

// TestDeliveries: what people do at GitHub, and what is wanted then.
func TestDeliveries(t *testing.T) {
	github := fakegithub.New(t)
	app := github.AppInfo()
	k := &keeper{}
	hook := httptest.NewServer(&Handler{Secrets: [][]byte{[]byte("the one before"), []byte(app.WebhookSecret)}, AppID: app.ID, Accept: k.accept, Log: slog.New(slog.DiscardHandler)})
	defer hook.Close()
	github.WebhookTo(hook.URL)
	repo := github.Repo("acme", "orders", map[string]string{"a": "1"})
	github.User("ann")

	wanted := func(step string, want ...string) {
		t.Helper()
		var got []string
		for _, w := range k.wants {
			got = append(got, line(w))
			if w.Change == nil && w.Subject.Repository.ID != repo.ID() {
				t.Errorf("%s: repository %+v", step, w.Subject.Repository)
			}
		}
		k.wants = nil
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %q\nwant %q", step, got, want)
		}
	}
	short := func(sha string) string { return sha[:7] }

	installation := github.Install("acme", repo)
	wanted("install", "installation.created: #0 all")
	repo.Branch("feature", "main")
	repo.Commit("feature", map[string]string{"b": "2"})
	k.wants = nil
	pull := repo.OpenPull("feature", "main", "A feature")
	subject := fmt.Sprintf("#%d", pull.Number)
	wanted("open", "pull_request.opened: "+subject+" "+short(pull.Head()))
	pull.Push(map[string]string{"b": "3"})
	wanted("push", "pull_request.synchronize: "+subject+" "+short(pull.Head()))
	pull.EditTitle("Another title")
	wanted("edit the title", "pull_request.edited: "+subject+" "+short(pull.Head()))
	repo.Branch("release", "main")
	pull.EditBase("release")
	wanted("edit the base", "pull_request.edited: "+subject+" "+short(pull.Head())+" again")
	pull.Label("urgent")
	wanted("label")
	pull.Comment("ann", "looks good")
	wanted("comment")
	pull.Comment("ann", "I know.\n/pmcheck override drops-data because the table is empty")
	wanted("override", "issue_comment.created: override: "+subject+" again refresh ann drops-data the table is empty")
	pull.Close(false)
	wanted("close", "pull_request.closed: "+subject+" "+short(pull.Head())+" cancel")
	pull.Comment("ann", "/pmcheck rerun")
	wanted("comment on what is closed")
	pull.Reopen()
	wanted("reopen", "pull_request.reopened: "+subject+" "+short(pull.Head()))

	group := repo.MergeGroup("main", pull)
	wanted("queue", "merge_group.checks_requested: #0"+group.HeadRef+" "+short(group.HeadSHA))
	group.Destroy("invalidated")
	wanted("destroy", "merge_group.destroyed: invalidated: #0"+group.HeadRef+" "+short(group.HeadSHA)+" cancel")

	github.User("bob")
	fork := repo.Fork("bob")
	fork.Commit("main", map[string]string{"c": "4"})
	k.wants = nil
	foreign := repo.OpenPullFromFork(fork, "main", "main", "From a fork")
	wanted("fork", fmt.Sprintf("pull_request.opened: #%d %s fork", foreign.Number, short(foreign.Head())))

	github.Suspend(installation, true)
	wanted("suspend", "installation.suspend: #0 gone")
	github.Suspend(installation, false)
	wanted("end of that", "installation.unsuspend: #0 all")
	other := github.Repo("acme", "users", map[string]string{"a": "1"})
	k.wants = nil
	github.AddRepos(installation, other)
	wanted("one repository more", "installation_repositories.added: #0")
	github.RemoveRepos(installation, other)
	wanted("and less", "installation_repositories.removed: #0")
	github.Uninstall(installation)
	wanted("uninstall", "installation.deleted: #0 gone")

	if counts := github.HookCounts(); counts.Failed > 0 || counts.OK == 0 {
		t.Errorf("deliveries: %+v", counts)
	}
	for _, d := range github.Deliveries() {
		if d.StatusCode != 202 {
			t.Errorf("%s.%s: %d", d.Event, d.Action, d.StatusCode)
		}
	}
}
