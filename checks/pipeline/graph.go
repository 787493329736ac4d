package pipeline

import "slices"

// connected are the jobs of a workflow with what each needs, directly and through others.
func connected(jobs []*raw) []Job {
	at := map[string]*raw{}
	for _, j := range jobs {
		at[j.Name] = j
	}
	// reach visits what a job needs along edges of one sort, once each.
	reach := func(from *raw, follow func(need) bool) []string {
		seen := map[string]bool{from.Name: true}
		var out []string
		todo := []*raw{from}
		for len(todo) > 0 {
			j := todo[0]
			todo = todo[1:]
			for _, n := range j.needs {
				if !seen[n.job] && at[n.job] != nil && follow(n) {
					seen[n.job] = true
					out = append(out, n.job)
					todo = append(todo, at[n.job])
				}
			}
		}
		return out
	}
	out := make([]Job, 0, len(jobs))
	for _, j := range jobs {
		job := j.Job
		job.Needs = reach(j, func(n need) bool { return n.runs == OnSuccess })
		for _, n := range j.needs {
			if n.runs == OnSuccess || at[n.job] == nil {
				continue
			}
			job.Follows = append(job.Follows, n.job)
			if n.deep {
				job.Follows = append(job.Follows, reach(at[n.job], func(need) bool { return true })...)
			}
		}
		slices.Sort(job.Needs)
		job.Follows = unique(job.Follows)
		slices.Sort(job.Follows)
		out = append(out, job)
	}
	return out
}

// Deploys tells that a job deploys a service.
func (j Job) Deploys() bool {
	return slices.ContainsFunc(j.Does, func(d Doing) bool { return d.Kind == Deploy })
}

// ChecksBefore tells that pmcheck must have passed before a job of the workflow deploys.
func (w Workflow) ChecksBefore(j Job) bool {
	for _, d := range j.Does {
		if d.Kind != Deploy {
			continue
		}
		if !slices.ContainsFunc(j.Does, func(c Doing) bool { return c.Kind == Check && !c.Advisory && c.Step < d.Step }) {
			return slices.ContainsFunc(w.Jobs, func(o Job) bool {
				return slices.Contains(j.Needs, o.Name) && slices.ContainsFunc(o.Does, func(c Doing) bool { return c.Kind == Check && !c.Advisory })
			})
		}
	}
	return true
}
