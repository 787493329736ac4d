package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pmcheck/pmcheck/checks/githubapp/job"
)

// TestCircleCIVectors are the signatures that CircleCI's documentation gives for bodies and secrets ("Outbound webhooks", "Validate webhooks").
func TestCircleCIVectors(t *testing.T) {
	for _, vector := range []struct{ body, secret, signature string }{
		{"hello world", "secret", "734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a"},
		{"lalala", "another-secret", "daa220016c8f29a8b214fbfc3671aeec2145cfb1e6790184ffb38b6d0425fa00"},
		{"an-important-request-payload", "hunter123", "9be2242094a9a8c00c64306f382a7f9d691de910b4a266f67bd314ef18ac49fa"},
		{"foo", "secret", "773ba44693c7553d6ee20f61ea5d2757a9a4f4a44d2841ae4e95b52e4cd62db4"},
	} {
		signature, err := readSignature([]string{"v1=" + vector.signature})
		if err != nil {
			t.Fatal(err)
		}
		if !valid([][]byte{[]byte("old"), []byte(vector.secret)}, []byte(vector.body), signature) {
			t.Errorf("the signature of %q is not taken", vector.body)
		}
		if valid([][]byte{[]byte(vector.secret)}, []byte(vector.body+" "), signature) || valid([][]byte{[]byte("wrong"), nil}, []byte(vector.body), signature) {
			t.Errorf("the signature of %q is taken for another body or secret", vector.body)
		}
	}
}

func TestReadSignature(t *testing.T) {
	good := strings.Repeat("ab", 32)
	for given, want := range map[string]string{
		"v1=" + good:                           "",
		"v2=zz,v1=" + good + ",v3=abc":         "",
		"v2=zz, v1=" + good:                    "",
		"":                                     "no version that pmcheck knows",
		"v2=" + good:                           "no version that pmcheck knows",
		good:                                   "no version that pmcheck knows",
		"v1=not-a-valid-signature":             "no single v1=",
		"v1=":                                  "no single v1=",
		"v1=" + good[2:]:                       "no single v1=",
		"v1=" + good + ",v1=" + good:           "no single v1=",
		"v1=" + good + "," + "v1=" + good[:10]: "no single v1=",
	} {
		signature, err := readSignature([]string{given})
		if want == "" && (err != nil || hex.EncodeToString(signature) != good) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %x, %v", given, signature, err)
		}
	}
	if _, err := readSignature(nil); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("no header: %v", err)
	}
}

const (
	oauthPipeline = `"pipeline":{"id":"1285fe1d-d3a6-44fc-8886-8979558254c4","number":130,"created_at":"2026-03-03T14:00:03.544Z","trigger":{"type":"webhook"},
		"vcs":{"provider_name":"github","origin_repository_url":"https://github.com/acme/orders","target_repository_url":"https://github.com/acme/orders",
		"revision":"1dc6aa69429bff4806ad6afe58d3d8f57e25973e","branch":"main","commit":{"subject":"Drop a column","author":{"name":"A","email":"a@acme.dev"}}}}`
	appPipeline = `"pipeline":{"id":"37c74cb7-d64d-4032-8731-1cb95bfef921","number":1,"created_at":"2026-03-03T14:00:18.804Z","trigger":{"type":"github_app"},
		"trigger_parameters":{"git":{"tag":"","checkout_sha":"850a1519f25d14e968649cc420d1bd381715c05c","ref":"refs/heads/main","branch":"main","checkout_url":"https://github.com/acme/orders"},
		"circleci":{"event_time":"2026-03-03T14:00:18.349Z","actor_id":"6a19122c-40e0-4d56-a875-aac6ccc27700","event_type":"push","trigger_type":"github_app"}}}`
	oauthWorkflow = `{"id":"3888f21b-eaa7-38e3-8f3d-75a63bba8895","type":"workflow-completed","happened_at":"2026-03-03T14:05:34.317Z","webhook":{"id":"cf8c4fdd-0587-4da1-b4ca-4846e9640af9","name":"pmcheck"},
		"project":{"id":"84996744-a854-4f5e-aea3-04e2851dc1d2","name":"orders","slug":"github/acme/orders"},"organization":{"id":"f22b6566-597d-46d5-ba74-99ef5bb3d85c","name":"acme"},
		"workflow":{"id":"fda08377-fe7e-46b1-8992-3a7aaecac9c3","name":"build-test-deploy","created_at":"2026-03-03T14:00:03.616Z","stopped_at":"2026-03-03T14:05:34.170Z",
		"url":"https://app.circleci.com/pipelines/github/acme/orders/130/workflows/fda08377-fe7e-46b1-8992-3a7aaecac9c3","status":"failed"},` + oauthPipeline + `}`
	oauthJob = `{"id":"8bd71c28-4969-3677-8940-3e3a61c46660","type":"job-completed","happened_at":"2026-03-03T14:05:34.279Z","project":{"id":"84996744-a854-4f5e-aea3-04e2851dc1d2","name":"orders","slug":"github/acme/orders"},
		"workflow":{"id":"fda08377-fe7e-46b1-8992-3a7aaecac9c3","name":"build-test-deploy","created_at":"2026-03-03T14:00:03.616Z","url":"https://app.circleci.com/x"},
		"job":{"id":"8b91f9a8-7975-4e60-916c-f0152ccbc937","name":"ship","started_at":"2026-03-03T14:05:28.841Z","stopped_at":"2026-03-03T14:05:34.170Z","status":"failed","number":136},` + oauthPipeline + `}`
	appWorkflow = `{"type":"workflow-completed","id":"cbabbb40-6084-4f91-8311-a326c0f4963a","happened_at":"2026-03-03T14:10:13.954328Z",
		"project":{"id":"2a68fe5f-2fe5-4d4f-91e1-15f111116743","name":"orders","slug":"circleci/DdaVtNusHqi24D4YT3X4eu/6EkDPZoN4ZdMKKZtBkRodt"},
		"workflow":{"id":"c2006ece-778d-49fc-9e6e-b9965f72bee9","name":"deploy","created_at":"2026-03-03T14:00:07.631Z","stopped_at":"2026-03-03T14:10:13.812Z","url":"https://app.circleci.com/y","status":"success"},` + appPipeline + `}`
	// As in CircleCI's sample, it calls itself workflow-completed and names no workflow.
	appJob = `{"type":"workflow-completed","id":"47a497be-4498-4da0-a4e8-2dabd889af0f","happened_at":"2026-03-03T14:10:13.954328Z",
		"project":{"id":"2a68fe5f-2fe5-4d4f-91e1-15f111116743","name":"orders","slug":"circleci/DdaVtNusHqi24D4YT3X4eu/6EkDPZoN4ZdMKKZtBkRodt"},
		"job":{"id":"2fc6977d-7e45-4271-b355-0ea894d82017","name":"ship","started_at":"2026-03-03T14:09:37.435Z","stopped_at":"2026-03-03T14:10:11.982Z","status":"success","number":1},` + appPipeline + `}`
)

func TestParseCircleCI(t *testing.T) {
	utc := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	oauth := Event{ID: "3888f21b-eaa7-38e3-8f3d-75a63bba8895", Type: WorkflowCompleted, Happened: utc("2026-03-03T14:05:34.317Z"), Slug: "github/acme/orders",
		PipelineID: "1285fe1d-d3a6-44fc-8886-8979558254c4", Number: 130, Branch: "main", Commit: "1dc6aa69429bff4806ad6afe58d3d8f57e25973e",
		WorkflowID: "fda08377-fe7e-46b1-8992-3a7aaecac9c3", Workflow: "build-test-deploy", Status: "failed",
		URL: "https://app.circleci.com/pipelines/github/acme/orders/130/workflows/fda08377-fe7e-46b1-8992-3a7aaecac9c3"}
	ofJob := oauth
	ofJob.ID, ofJob.Type, ofJob.Happened, ofJob.URL = "8bd71c28-4969-3677-8940-3e3a61c46660", JobCompleted, utc("2026-03-03T14:05:34.279Z"), "https://app.circleci.com/x"
	ofJob.JobID, ofJob.Job = "8b91f9a8-7975-4e60-916c-f0152ccbc937", "ship"
	app := Event{ID: "cbabbb40-6084-4f91-8311-a326c0f4963a", Type: WorkflowCompleted, Happened: utc("2026-03-03T14:10:13.954328Z"), Slug: "circleci/DdaVtNusHqi24D4YT3X4eu/6EkDPZoN4ZdMKKZtBkRodt",
		PipelineID: "37c74cb7-d64d-4032-8731-1cb95bfef921", Number: 1, Branch: "main", Commit: "850a1519f25d14e968649cc420d1bd381715c05c",
		WorkflowID: "c2006ece-778d-49fc-9e6e-b9965f72bee9", Workflow: "deploy", Status: "success", URL: "https://app.circleci.com/y"}
	appOfJob := app
	appOfJob.ID, appOfJob.Type, appOfJob.WorkflowID, appOfJob.Workflow, appOfJob.URL = "47a497be-4498-4da0-a4e8-2dabd889af0f", JobCompleted, "", "", ""
	appOfJob.JobID, appOfJob.Job = "2fc6977d-7e45-4271-b355-0ea894d82017", "ship"
	tagged, forked := oauth, oauth
	tagged.Branch, tagged.Tag, forked.Foreign = "", "v7", true
	evil := oauth
	evil.URL, evil.Workflow = "", "deploy"
	for payload, want := range map[string]Event{
		oauthWorkflow: oauth, oauthJob: ofJob, appWorkflow: app, appJob: appOfJob,
		strings.ReplaceAll(oauthWorkflow, `"branch":"main"`, `"tag":"v7"`):                                                                             tagged,
		strings.ReplaceAll(oauthWorkflow, `"origin_repository_url":"https://github.com/acme/`, `"origin_repository_url":"https://github.com/mallory/`): forked,
		strings.ReplaceAll(strings.ReplaceAll(oauthWorkflow, `"url":"https:`, `"url":"javascript:`), "build-test-deploy", `de\u0000ploy`):              evil,
		`{"type":"ping","hello":1}`: {Type: "ping"},
	} {
		if got, err := ParseCircleCI([]byte(payload)); err != nil || got != want {
			t.Errorf("%s\n is %+v, %v\nwant %+v", payload, got, err, want)
		}
	}
	for payload, want := range map[string]string{
		`{`:                    "unexpected end",
		`{"type":1}`:           "type is not a string",
		`{}`:                   "type is not the name",
		`{"type":"\u001b[2J"}`: "type is not the name",
		strings.Replace(oauthWorkflow, `"id":"3888f21b-eaa7-38e3-8f3d-75a63bba8895"`, `"id":"a b"`, 1): "id is missing",
		strings.Replace(oauthWorkflow, `"happened_at"`, `"happened"`, 1):                               "happened_at is missing",
		strings.Replace(oauthWorkflow, `github/acme/orders"`, `github/../orders/x"`, 1):                "project.slug is not a slug",
		strings.Replace(oauthWorkflow, `"pipeline":`, `"pipe":`, 1):                                    "pipeline.id is missing",
		strings.Replace(oauthWorkflow, `"workflow":`, `"flow":`, 1):                                    "workflow is missing",
		strings.Replace(oauthWorkflow, `,"status":"failed"`, ``, 1):                                    "status of what",
		strings.Replace(oauthJob, `"job":`, `"yob":`, 1):                                               "job.id is missing",
		strings.Replace(oauthJob, `"status":"failed",`, ``, 1):                                         "status of what",
	} {
		if _, err := ParseCircleCI([]byte(payload)); want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s\n: %v, want %q", payload, err, want)
		}
	}
}

func TestSlug(t *testing.T) {
	for given, want := range map[string]string{
		"gh/acme/orders": "github/acme/orders", "github/acme/orders": "github/acme/orders", "bb/acme/orders": "bitbucket/acme/orders",
		"circleci/DdaVtNusHqi24D4YT3X4eu/6EkDPZoN4ZdMKKZtBkRodt": "circleci/DdaVtNusHqi24D4YT3X4eu/6EkDPZoN4ZdMKKZtBkRodt",
		"acme/orders": "", "gh/acme": "", "gh/acme/orders/more": "", "gh/a cme/orders": "", "": "",
	} {
		if got, ok := Slug(given); ok != (want != "") || ok && got != want {
			t.Errorf("%q is %q, %v; want %q", given, got, ok, want)
		}
	}
}

func circleRequest(body string, header ...string) *http.Request {
	mac := hmac.New(sha256.New, []byte("secret"))
	io.WriteString(mac, body)
	r := httptest.NewRequest(http.MethodPost, "/circleci", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("circleci-event-type", "workflow-completed")
	r.Header.Set(signatureHeader, "v1="+hex.EncodeToString(mac.Sum(nil)))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func TestCircleCIHandler(t *testing.T) {
	for name, test := range map[string]struct {
		request *http.Request
		err     error
		ignored string
		status  int
		outcome string
		text    string
	}{
		"kept":             {circleRequest(oauthWorkflow), nil, "", 202, Accepted, "accepted"},
		"again":            {circleRequest(strings.Replace(oauthWorkflow, "3888f21b", "seen", 1)), nil, "", 202, Duplicate, "accepted before"},
		"not configured":   {circleRequest(oauthWorkflow), nil, "no deploy is configured for it", 202, Ignored, "no deploy is configured"},
		"another event":    {circleRequest(`{"type":"ping"}`), errors.New("not to be called"), "", 202, Ignored, "nothing is done at this event"},
		"no database":      {circleRequest(oauthWorkflow), errors.New("secret path"), "", 503, Failed, "send it again"},
		"unsigned":         {circleRequest(oauthWorkflow, signatureHeader, "v1="+strings.Repeat("00", 32)), nil, "", 401, Unsigned, "does not fit"},
		"downgraded":       {circleRequest(oauthWorkflow, signatureHeader, "v0=abc"), nil, "", 401, Unsigned, "v1="},
		"malformed":        {circleRequest(`{"type":"workflow-completed"}`), nil, "", 422, Malformed, "id is missing"},
		"a form":           {circleRequest(oauthWorkflow, "Content-Type", "application/x-www-form-urlencoded"), nil, "", 415, Refused, "application/json"},
		"compressed":       {circleRequest(oauthWorkflow, "Content-Encoding", "gzip"), nil, "", 415, Refused, "Content-Encoding"},
		"too large":        {circleRequest(oauthWorkflow + strings.Repeat(" ", MaxCircleCI)), nil, "", 413, Refused, "larger than 1 MB"},
		"not sent by POST": {httptest.NewRequest(http.MethodPut, "/circleci", nil), nil, "", 405, Refused, "POST"},
	} {
		t.Run(name, func(t *testing.T) {
			observed := ""
			h := &CircleCI{Secrets: [][]byte{[]byte("other"), []byte("secret")},
				Accept: func(_ context.Context, d job.Delivery, e Event) (bool, string, error) {
					if d.ID != "circleci/"+e.ID || d.Received.IsZero() {
						t.Errorf("the delivery is %+v", d)
					}
					return !strings.HasPrefix(e.ID, "seen"), test.ignored, test.err
				},
				Observe: func(event, action, outcome string, _ time.Duration) {
					observed = fmt.Sprint(event, " ", action, " ", outcome)
				},
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, test.request)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.text) || strings.Contains(w.Body.String(), "secret path") {
				t.Errorf("it is answered by %d %q, want %d %q", w.Code, w.Body, test.status, test.text)
			}
			if !strings.HasSuffix(observed, " "+test.outcome) {
				t.Errorf("it counts as %q, want %s", observed, test.outcome)
			}
			if h.reading.Load() != 0 {
				t.Errorf("%d bytes count as being read", h.reading.Load())
			}
		})
	}
}

func FuzzParseCircleCI(f *testing.F) {
	for _, payload := range []string{oauthWorkflow, oauthJob, appWorkflow, appJob, `{"type":"ping"}`} {
		f.Add([]byte(payload))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ParseCircleCI(data)
		if err != nil {
			if e != (Event{}) {
				t.Fatalf("an error and an event: %v, %+v", err, e)
			}
			return
		}
		if e.Type != WorkflowCompleted && e.Type != JobCompleted {
			return
		}
		if e.ID == "" || e.Slug == "" || e.PipelineID == "" || e.Status == "" || e.Happened.IsZero() || (e.Type == JobCompleted) != (e.JobID != "") {
			t.Fatalf("%+v", e)
		}
		for _, text := range []string{e.Workflow, e.Job, e.Branch, e.Tag, e.URL, e.Status} {
			if strings.Contains(text, "\x00") || !utf8.ValidString(text) || len(text) > 4096 {
				t.Fatalf("%q in %+v", text, e)
			}
		}
		if e.URL != "" && !strings.HasPrefix(e.URL, "https://") {
			t.Fatalf("%q is no address to follow", e.URL)
		}
		if long, ok := Slug(e.Slug); !ok || long != e.Slug {
			t.Fatalf("%q is not in one form", e.Slug)
		}
	})
}
