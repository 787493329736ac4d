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
	run, err := stand(ctx, api, work, name, detailsURL, Output{Title: "Waiting for its turn", Summary: "The check of this commit has not begun yet."}, "queued")
	return run.ID, err
}

// Start tells people that the work has begun. It fills in work.CheckRun when none was
// known, and work.Annotated as GitHub has it: an earlier attempt may have ended before it
// could keep what it did.
func Start(ctx context.Context, api API, work *job.Work, name, detailsURL string) error {
	output := Output{Title: "Being checked", Summary: "The check of this commit is under way."}
	var run Run
	var err error
	if work.CheckRun == 0 {
		run, err = stand(ctx, api, *work, name, detailsURL, output, "in_progress")
	} else {
		r := work.Subject.Repository
		run, err = api.UpdateCheckRun(ctx, r.Owner, r.Name, work.CheckRun, Request{Name: name, Status: "in_progress", DetailsURL: detailsURL, Output: &output})
	}
	if err != nil {
		return err
	}
	work.CheckRun, work.Annotated = run.ID, run.Output.AnnotationsCount
	return nil
}

// stand finds the check run that stands for the work's head, or makes one. One with
// annotations belongs to an earlier turn, and annotations cannot be taken back: a new one
// stands beside it, which is what GitHub shows then.
func stand(ctx context.Context, api API, work job.Work, name, detailsURL string, output Output, status string) (Run, error) {
	r, head := work.Subject.Repository, work.Revision.Head
	id := ExternalID(work.Subject, head)
	runs, err := api.CheckRuns(ctx, r.Owner, r.Name, head, name)
	if err != nil {
		return Run{}, err
	}
	for _, run := range runs {
		if run.ExternalID != id {
			continue
		}
		if run.Output.AnnotationsCount > 0 {
			if run.Status != "completed" {
				if err := end(ctx, api, r, run.ID, name, "A newer check of this commit took its place."); err != nil {
					return Run{}, err
				}
			}
			break
		}
		if run.Status == status {
			return run, nil
		}
		return api.UpdateCheckRun(ctx, r.Owner, r.Name, run.ID, Request{Name: name, Status: status, DetailsURL: detailsURL, Output: &output})
	}
	return api.CreateCheckRun(ctx, r.Owner, r.Name, Request{
		Name: name, HeadSHA: head, ExternalID: id, DetailsURL: detailsURL, Status: status, Output: &output,
	})
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
