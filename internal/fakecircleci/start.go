package fakecircleci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Definition is the id of the one pipeline definition.
const Definition = "fdcb4b8d-1c2e-4f0a-8f39-3f5f5d0c2a11"

// Post is a call that started something, or would have.
type Post struct {
	Path string
	Body string
}

// Starts says what becomes of what is started.
type Starts struct {
	Parameters []string     // that the configuration declares
	Stages     [][]Workflow // the workflows that run, as the first question finds them, the second ...; the last stays
	State      string       // of the pipeline's creation; "" = created
	Errors     []string     // of its creation
	By         string       // what carries out a rollback of the Deploys: "" = PIPELINE
	NoID       bool         // a rerun is confirmed by a message alone, as the reference of 2021 has it
}

// started is what a call added to a pipeline.
type started struct {
	Starts
	asked int // questions about its workflows
}

// current are the pipeline's workflows as they are now.
func (p Pipeline) current() []Workflow {
	if p.started == nil || len(p.started.Stages) == 0 {
		return p.Workflows
	}
	stage := p.started.Stages[min(max(p.started.asked-1, 0), len(p.started.Stages)-1)]
	return append(slices.Clone(p.Workflows), stage...)
}

// advance is one question about the pipeline's workflows.
func (s *Server) advance(p Pipeline) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.started != nil {
		p.started.asked++
	}
}

// Posts are the calls that started something, or would have.
func (s *Server) Posts() []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.posts)
}

func (s *Server) post(w http.ResponseWriter, r *http.Request, path string) {
	var body struct {
		Branch, Tag    string
		DefinitionID   string                        `json:"definition_id"`
		Config         *struct{ Branch, Tag string } `json:"config"`
		Checkout       *struct{ Branch, Tag string } `json:"checkout"`
		Parameters     map[string]any
		FromFailed     *bool  `json:"from_failed"`
		Component      string `json:"component_name"`
		Environment    string `json:"environment_name"`
		Namespace      string `json:"namespace"`
		CurrentVersion string `json:"current_version"`
		TargetVersion  string `json:"target_version"`
		Reason         string `json:"reason"`
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return // the caller is gone
	}
	s.mu.Lock()
	s.posts = append(s.posts, Post{path, string(text)})
	s.mu.Unlock()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil || r.Header.Get("Content-Type") != "application/json" {
		refuse(w, http.StatusBadRequest, "Malformed request body.")
		return
	}
	for name := range body.Parameters {
		if !slices.Contains(s.Starts.Parameters, name) {
			refuse(w, http.StatusBadRequest, "Unexpected argument(s): "+name)
			return
		}
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case path == "/project/"+s.Slug+"/pipeline":
		if body.Branch != "" && body.Tag != "" {
			refuse(w, http.StatusBadRequest, "Specify one of branch and tag.")
			return
		}
		s.begin(w, body.Branch, body.Tag)
	case path == "/project/"+s.Slug+"/pipeline/run":
		if body.DefinitionID != Definition || body.Config == nil || body.Checkout == nil {
			refuse(w, http.StatusNotFound, "Pipeline definition not found")
			return
		}
		s.begin(w, body.Checkout.Branch, body.Checkout.Tag)
	case path == "/projects/"+Project+"/rollback":
		has := func(version string, live bool) bool {
			return slices.ContainsFunc(s.Deploys, func(d Deploy) bool {
				return d.Component == body.Component && d.Environment == body.Environment && d.Version == version && d.Live == live
			})
		}
		switch {
		case !has(body.CurrentVersion, true):
			refuse(w, http.StatusBadRequest, "The current version is not "+body.CurrentVersion)
		case !has(body.TargetVersion, false):
			refuse(w, http.StatusBadRequest, "There is no version "+body.TargetVersion)
		default:
			p := s.add("main", "")
			by := "PIPELINE"
			if s.Starts.By != "" {
				by = s.Starts.By
			}
			w.WriteHeader(http.StatusOK)
			fmt.Fprintf(w, `{"id": %q, "rollback_type": %q}`, id('a', p.Number, 0), by)
		}
	case len(parts) == 3 && parts[0] == "workflow" && parts[2] == "rerun":
		s.again(w, parts[1])
	default:
		refuse(w, http.StatusNotFound, "Not found.")
	}
}

// add makes a pipeline.
func (s *Server) add(branch, tag string) Pipeline {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Pipeline{Number: 1, Branch: branch, Tag: tag, Commit: strings.Repeat("f", 40), started: &started{Starts: s.Starts}}
	for _, other := range s.Pipelines {
		p.Number = max(p.Number, other.Number+1)
	}
	s.Pipelines = append([]Pipeline{p}, s.Pipelines...)
	return p
}

func (s *Server) begin(w http.ResponseWriter, branch, tag string) {
	p := s.add(branch, tag)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id": %q, "state": "pending", "number": %d, "created_at": %q}`, id('a', p.Number, 0), p.Number, created(p))
}

// again runs a workflow again.
func (s *Server) again(w http.ResponseWriter, workflow string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range s.Pipelines {
		for n := range p.Workflows {
			if id('b', p.Number, n) != workflow {
				continue
			}
			s.Pipelines[i].started = &started{Starts: s.Starts}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusAccepted)
			if s.Starts.NoID {
				fmt.Fprint(w, `{"message": "Accepted."}`)
			} else {
				fmt.Fprintf(w, `{"workflow_id": %q}`, id('b', p.Number, len(p.Workflows)))
			}
			return
		}
	}
	refuse(w, http.StatusNotFound, "Workflow not found")
}
