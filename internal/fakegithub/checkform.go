package fakegithub

import (
	"fmt"
	"strings"
	"time"
)

var (
	annotationShape = record(map[string]shape{
		"path!": anyText, "start_line!": integer, "end_line!": integer, "start_column": integer.orNull(), "end_column": integer.orNull(),
		"annotation_level!": oneOf("notice", "warning", "failure"), "message!": anyText.bytes(64 << 10), "title": text(255).orNull(), "raw_details": anyText.bytes(64 << 10).orNull(),
	})
	actionShape = record(map[string]shape{"label!": text(20), "description!": text(40), "identifier!": text(20)})
	imageShape  = record(map[string]shape{"alt!": anyText, "image_url!": anyText, "caption": anyText})
	conclusions = oneOf("success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required") // stale is GitHub's own
	statuses    = oneOf("queued", "in_progress", "completed")                                                    // the others are those of Actions
)

func outputShape(title string) shape {
	return record(map[string]shape{title: anyText, "summary!": text(65535), "text": text(65535), "annotations": list(50, annotationShape), "images": list(0, imageShape)})
}

var createCheckRunShape = record(map[string]shape{
	"name!": anyText, "head_sha!": commit, "details_url": anyText, "external_id": anyText, "status": statuses, "started_at": moment, "conclusion": conclusions,
	"completed_at": moment, "output": outputShape("title!"), "actions": list(3, actionShape),
})

var updateCheckRunShape = record(map[string]shape{
	"name": anyText, "details_url": anyText, "external_id": anyText, "status": statuses, "started_at": moment, "conclusion": conclusions,
	"completed_at": moment, "output": outputShape("title"), "actions": list(3, actionShape),
})

type checkRunForm struct {
	Name        *string    `json:"name"`
	HeadSHA     string     `json:"head_sha"`
	DetailsURL  *string    `json:"details_url"`
	ExternalID  *string    `json:"external_id"`
	Status      *string    `json:"status"`
	StartedAt   *time.Time `json:"started_at"`
	Conclusion  *string    `json:"conclusion"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title       *string      `json:"title"`
		Summary     string       `json:"summary"`
		Text        *string      `json:"text"`
		Annotations []Annotation `json:"annotations"`
	} `json:"output"`
	Actions []Action `json:"actions"`
}

// refuse tells what the shape cannot.
func (f *checkRunForm) refuse(has bool) *apiError {
	bad := func(format string, args ...any) *apiError {
		return &apiError{status: 422, message: "Invalid request.\n\n" + fmt.Sprintf(format, args...)}
	}
	if f.Status != nil && *f.Status == "completed" && f.Conclusion == nil && !has {
		return bad("%q wasn't supplied.", "conclusion")
	}
	if f.Status != nil && *f.Status != "completed" && f.Conclusion != nil {
		return bad("For 'properties/status', %q is not a member of [\"completed\"].", *f.Status)
	}
	if f.DetailsURL != nil && *f.DetailsURL != "" && !strings.HasPrefix(*f.DetailsURL, "http://") && !strings.HasPrefix(*f.DetailsURL, "https://") {
		return &apiError{status: 422, message: "Validation Failed", errors: []obj{{
			"resource": "CheckRun", "code": "custom", "field": "details_url", "message": "details_url must use http or https scheme",
		}}}
	}
	if f.Output == nil {
		return nil
	}
	for i, a := range f.Output.Annotations {
		at := fmt.Sprintf("For 'properties/output/properties/annotations/%d', ", i)
		switch {
		case a.StartLine < 1 || a.EndLine < a.StartLine:
			return bad("%sstart_line %d and end_line %d are no lines.", at, a.StartLine, a.EndLine)
		case (a.StartColumn != nil || a.EndColumn != nil) && a.StartLine != a.EndLine:
			return bad("%sstart_column and end_column can't be given when start_line and end_line differ.", at)
		case a.Path == "" || a.Message == "":
			return bad("%spath and message can't be empty.", at)
		}
	}
	return nil
}
