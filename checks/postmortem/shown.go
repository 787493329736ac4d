package postmortem

import (
	"bytes"
	"regexp"
)

// Shown is what the pipeline showed of an incident, in plain text. What is empty is left to a person.
type Shown struct {
	Commit   string
	Deployed string // the workflow and the job that deployed it, and how that ended
	Rollback string // who or what began it, and how long it took
}

// Show fills what is known into the table of that name in the text of a draft, see Draft.
func Show(draft []byte, s Shown) []byte {
	for question, answer := range map[string]string{"Commit": s.Commit, "Workflow and job that deployed it": s.Deployed, "Rollback: who or what began it, how long did it take": s.Rollback} {
		empty := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(question) + ` \| \|`)
		if at := empty.FindIndex(draft); at != nil && answer != "" {
			draft = bytes.Join([][]byte{draft[:at[0]], draft[at[1]:]}, []byte("| "+question+" | "+markdownText.Replace(clip(answer))+" |"))
		}
	}
	return draft
}
