package checkrun

import (
	"context"
	"errors"
	"fmt"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// Queued has a check run stand for the work's head and tells people that it waits. It
// returns the run's id.
func Queued(ctx context.Context, api API, work job.Work, name, detailsURL string) (int64, error) {
	run, err := stand(ctx, api, work, Request{
		Name: name, Status: "queued", DetailsURL: detailsURL,
		Output: &Output{Title: "Waiting for its turn", Summary: "The check of this commit has not begun yet."},
	})
	return run.ID, err
}

// Start tells people that the work has begun. It fills in work.CheckRun, and
// work.Annotated as GitHub has it: an earlier attempt may have ended before it could keep
// what it did. Work that is to be refreshed was not announced, so that work.CheckRun may
// be an earlier turn's.
func Start(ctx context.Context, api API, work *job.Work, name, detailsURL string) (err error) {
	r, run := work.Subject.Repository, Run{}
	request := Request{
		Name: name, Status: "in_progress", DetailsURL: detailsURL,
		Output: &Output{Title: "Being checked", Summary: "The check of this commit is under way."},
	}
	if work.CheckRun == 0 || work.Refresh {
		run, err = stand(ctx, api, *work, request)
	} else {
		run, err = api.UpdateCheckRun(ctx, r.Owner, r.Name, work.CheckRun, request)
	}
	if err == nil {
		work.CheckRun, work.Annotated = run.ID, run.Output.AnnotationsCount
	}
	return err
}

// stand finds the check run that stands for the work's head and brings it to the
// request's state, or makes one. Annotations cannot be taken back: where an earlier turn
// has left some, a new run stands beside the old one, and is what GitHub shows.
func stand(ctx context.Context, api API, work job.Work, request Request) (Run, error) {
	r, head := work.Subject.Repository, work.Revision.Head
	id := ExternalID(work.Subject, head)
	runs, err := api.CheckRuns(ctx, r.Owner, r.Name, head, request.Name)
	if err != nil {
		return Run{}, err
	}
	for _, run := range runs {
		if run.ExternalID != id {
			continue
		}
		completed := run.Status == "completed"
		// An attempt that ended in the midst of its annotations, or just after them, goes on.
		resumed := request.Status == "in_progress" && (!completed || run.CompletedAt.After(work.Wanted))
		if run.Output.AnnotationsCount == 0 || resumed {
			if run.Status == request.Status {
				return run, nil
			}
			return api.UpdateCheckRun(ctx, r.Owner, r.Name, run.ID, request)
		}
		if !completed {
			if err := end(ctx, api, r, run.ID, request.Name, "A newer check of this commit took its place."); err != nil {
				return Run{}, err
			}
		}
		break
	}
	request.HeadSHA, request.ExternalID = head, id
	return api.CreateCheckRun(ctx, r.Owner, r.Name, request)
}

// Cancel ends the check run of a head that nobody judges any more, saying why. Without
// work.CheckRun it looks for one; it is no error that there is none, or that it has ended.
func Cancel(ctx context.Context, api API, work job.Work, name, why string) error {
	r, id := work.Subject.Repository, work.CheckRun
	if id == 0 {
		runs, err := api.CheckRuns(ctx, r.Owner, r.Name, work.Revision.Head, name)
		if err != nil {
			return err
		}
		for _, run := range runs {
			if run.ExternalID == ExternalID(work.Subject, work.Revision.Head) && run.Status != "completed" {
				id = run.ID
			}
		}
		if id == 0 {
			return nil
		}
	} else if run, err := api.CheckRun(ctx, r.Owner, r.Name, id); err != nil || run.Status == "completed" {
		return err // its verdict stands
	}
	return end(ctx, api, r, id, name, why)
}

func end(ctx context.Context, api API, r job.Repository, id int64, name, why string) error {
	_, err := api.UpdateCheckRun(ctx, r.Owner, r.Name, id, Request{
		Name: name, Status: "completed", Conclusion: "cancelled",
		Output:  &Output{Title: "Cancelled", Summary: why},
		Actions: []Action{Rerun},
	})
	return err
}

// Publish shows a verdict in the check run. Annotations go in batches; progress is told
// after each but the last how many the run has, and is to keep that. The last request
// ends the run: until then it is in progress, and the next attempt goes on after
// work.Annotated. A report that GitHub refuses ends the run with the conclusion all the
// same, and says so.
func Publish(ctx context.Context, api API, work job.Work, name string, report Report, progress func(annotated int) error) error {
	if work.CheckRun == 0 {
		if err := Start(ctx, api, &work, name, report.DetailsURL); err != nil {
			return err
		}
	}
	r, f, done := work.Subject.Repository, report.fit(), work.Annotated
	if work.Attempt > 1 {
		run, err := api.CheckRun(ctx, r.Owner, r.Name, work.CheckRun)
		if err != nil {
			return err
		}
		done = max(done, run.Output.AnnotationsCount)
	}
	rest := f.annotations[min(done, len(f.annotations)):]
	for len(rest) > batch {
		output := Output{
			Title:       f.output.Title,
			Summary:     fmt.Sprintf("The findings are being written: %d of %d.", done, len(f.annotations)),
			Annotations: rest[:batch],
		}
		_, err := api.UpdateCheckRun(ctx, r.Owner, r.Name, work.CheckRun, Request{Name: name, Status: "in_progress", Output: &output, AnnotatedBefore: done})
		if errors.Is(err, ErrRefused) {
			return f.refused(ctx, api, work, name, err)
		}
		if err != nil {
			return err
		}
		rest, done = rest[batch:], done+batch
		if err := progress(done); err != nil {
			return fmt.Errorf("keep that %d annotations are written: %w", done, err)
		}
	}
	output := f.output
	output.Annotations = rest
	_, err := api.UpdateCheckRun(ctx, r.Owner, r.Name, work.CheckRun, Request{
		Name: name, Status: "completed", Conclusion: f.conclusion, DetailsURL: f.detailsURL, Output: &output, Actions: f.actions, AnnotatedBefore: done,
	})
	if errors.Is(err, ErrRefused) {
		return f.refused(ctx, api, work, name, err)
	}
	return err
}

// refused ends the run with no more than GitHub will take.
func (f fitted) refused(ctx context.Context, api API, work job.Work, name string, because error) error {
	r := work.Subject.Repository
	output := Output{
		Title: f.output.Title,
		Summary: "GitHub refused to show the report" + whole(f.detailsURL, ". Read ") + ". What it said:\n\n" +
			Fence(cutCharacters(clean(because.Error()), 2000)),
	}
	_, err := api.UpdateCheckRun(ctx, r.Owner, r.Name, work.CheckRun, Request{Name: name, Status: "completed", Conclusion: f.conclusion, Output: &output, Actions: []Action{Rerun}})
	if err != nil {
		return fmt.Errorf("%w; and before: %w", err, because)
	}
	return nil
}
