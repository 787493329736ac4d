package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheus "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/pmcheck/pmcheck/internal/outgoing"
)

// maxSeries bounds what one query may give.
const maxSeries = 100

// bounded sends the headers, and breaks off an answer that is too large. Redirects are not followed by its clients.
type bounded struct {
	headers []Header
	next    http.RoundTripper
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "pmcheck")
	setHeaders(r, b.headers)
	response, err := b.next.RoundTrip(r)
	if err == nil {
		response.Body = &boundedBody{response.Body, maxBody}
	}
	return response, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the answer has more than %d bytes", maxBody)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func client(headers []Header) *http.Client {
	return &http.Client{
		Transport:     bounded{headers, http.DefaultTransport},
		CheckRedirect: outgoing.NoRedirect,
	}
}

// prometheusQuery is an instant query, https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries.
type prometheusQuery struct {
	api   prometheus.API
	query string
}

func newPrometheus(address *url.URL, query string, headers []Header) (*prometheusQuery, error) {
	c, err := api.NewClient(api.Config{Address: address.String(), Client: client(headers)})
	if err != nil {
		return nil, errors.New("not an address that Prometheus can have")
	}
	return &prometheusQuery{prometheus.NewAPI(c), query}, nil
}

func (p *prometheusQuery) measure(ctx context.Context) (any, string, error) {
	value, warnings, _, err := p.api.Query(ctx, p.query, time.Time{}) // without a time it is the server's now
	if err != nil {
		return nil, "", err
	}
	note := ""
	if len(warnings) > 0 {
		note = "Prometheus warns: " + shownValue(strings.Join(warnings, "; "))
	}
	switch v := value.(type) {
	case *model.Scalar:
		return float64(v.Value), note, nil
	case model.Vector:
		if len(v) > maxSeries {
			return nil, "", fmt.Errorf("the query gives %d series, at most %d are read: aggregate them", len(v), maxSeries)
		}
		values := make([]float64, 0, len(v))
		for _, sample := range v {
			if sample == nil || sample.Histogram != nil {
				return nil, "", errors.New("the query gives histograms: use histogram_quantile, or histogram_fraction")
			}
			values = append(values, float64(sample.Value))
		}
		return values, note, nil
	case nil:
		return nil, "", errors.New("the answer holds no result")
	}
	return nil, "", fmt.Errorf("the query gives a %s, expected an instant vector or a scalar", value.Type())
}

// webJSON is a value in the JSON that a URL answers with.
type webJSON struct {
	client *http.Client
	url    *url.URL
	path   []step
}

func (w *webJSON) measure(ctx context.Context) (any, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url.String(), nil)
	if err != nil {
		return nil, "", errors.New("the request cannot be made")
	}
	request.Header.Set("Accept", "application/json")
	response, err := w.client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		why := fmt.Sprintf("%s answered with status %d", shown(w.url), response.StatusCode)
		if response.StatusCode == http.StatusTooManyRequests {
			return nil, "", tooManyRequests(why, response.Header)
		}
		return nil, "", errors.New(why)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, "", err
	}
	var document any
	if err := json.Unmarshal(body, &document); err != nil {
		return nil, "", fmt.Errorf("%s did not answer with JSON", shown(w.url))
	}
	value, err := find(document, w.path)
	return value, "", err
}

// step is one part of a path: a key, or the place in a list.
type step struct {
	key   string
	index int // where key is ""
}

func (s step) String() string {
	if s.key == "" {
		return fmt.Sprintf("[%d]", s.index)
	}
	return s.key
}

var pathStep = regexp.MustCompile(`^(?:\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\d{1,6})\]|\['([^'\]]+)'\])`)

// parsePath reads data.errors[0].rate, also as JSONPath writes it: $.data.errors[0].rate and {$.data.errors[0].rate}.
// An empty path is the whole document.
func parsePath(text string) ([]step, error) {
	rest := text
	if inner, ok := strings.CutPrefix(rest, "{"); ok && strings.HasSuffix(inner, "}") {
		rest = strings.TrimSuffix(inner, "}")
	}
	if after, ok := strings.CutPrefix(rest, "$"); ok {
		rest = after
	} else if rest != "" && rest[0] != '.' && rest[0] != '[' {
		rest = "." + rest
	}
	var path []step
	for rest != "" {
		m := pathStep.FindStringSubmatch(rest)
		if m == nil || len(path) == 32 {
			return nil, errors.New("expected a path such as data.errors[0].rate, of keys and places")
		}
		s := step{key: m[1] + m[3]}
		if m[2] != "" {
			s.index, _ = strconv.Atoi(m[2]) // at most six digits
		}
		path, rest = append(path, s), rest[len(m[0]):]
	}
	return path, nil
}

func find(value any, path []step) (any, error) {
	for i, s := range path {
		list, isList := value.([]any)
		object, isObject := value.(map[string]any)
		found := false
		switch {
		case s.key != "" && isObject:
			value, found = object[s.key]
		case s.key == "" && isList && s.index < len(list):
			value, found = list[s.index], true
		}
		if !found {
			return nil, fmt.Errorf("the answer has no %v in jsonPath (part %d)", s, i+1)
		}
	}
	return value, nil
}
