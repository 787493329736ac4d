package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The versions of Datadog's API that a query can be put to.
const (
	datadogV1 = "v1" // a time series, of which the last point counts
	datadogV2 = "v2" // a scalar, which Datadog aggregates over the interval
)

// datadogAggregators are those of the schema MetricsAggregator of Datadog's API v2.
var datadogAggregators = []string{"avg", "min", "max", "sum", "last", "percentile", "mean", "l2norm", "area"}

// datadogQuery asks Datadog for the metrics of the last interval:
// https://docs.datadoghq.com/api/latest/metrics/#query-timeseries-points and
// https://docs.datadoghq.com/api/latest/metrics/#query-scalar-data-across-multiple-products.
type datadogQuery struct {
	client     *http.Client // sends the keys
	address    *url.URL     // of the API, without /api
	version    string
	interval   time.Duration
	queries    []datadogNamed // one, without a name, in v1
	formula    string         // "" in v1
	aggregator string         // "" in v1
	number     bool           // the conditions take a number, and not a list
}

type datadogNamed struct{ name, query string }

func (d *datadogQuery) measure(ctx context.Context) (any, string, error) {
	ask := d.series
	if d.version == datadogV2 {
		ask = d.scalar
	}
	values, note, err := ask(ctx)
	switch {
	case err != nil:
		return nil, "", err
	case len(values) > maxSeries:
		return nil, "", fmt.Errorf("the query gives %d series, at most %d are read: aggregate them", len(values), maxSeries)
	case !d.number || len(values) == 0:
		return values, note, nil
	case len(values) > 1:
		return nil, "", fmt.Errorf("the query gives %d series, and the condition takes one number: leave `by {...}` out, or write max(result) < 0.05", len(values))
	case math.IsNaN(values[0]):
		return nil, note, nil
	}
	return values[0], note, nil
}

// series is the last point of each series that is not null. Points without a value are
// NaN when a series has no others.
func (d *datadogQuery) series(ctx context.Context) ([]float64, string, error) {
	now := time.Now()
	u := d.address.JoinPath("/api/v1/query")
	u.RawQuery = url.Values{
		"from":  {strconv.FormatInt(now.Add(-d.interval).Unix(), 10)},
		"to":    {strconv.FormatInt(now.Unix(), 10)},
		"query": {d.queries[0].query},
	}.Encode()
	body, err := d.ask(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, "", err
	}
	var answer struct {
		Status string
		Error  string
		Series *[]struct{ Pointlist [][]*float64 }
	}
	switch err := json.Unmarshal(body, &answer); {
	case err != nil:
		return nil, "", errors.New("the answer of Datadog is not the JSON of a time series")
	case answer.Status != "ok" || answer.Error != "":
		return nil, "", fmt.Errorf("the answer of Datadog has status %q: %s", answer.Status, answer.Error)
	case answer.Series == nil:
		return nil, "", errors.New("the answer of Datadog holds no series")
	}
	values := []float64{}
	for _, s := range *answer.Series {
		last := math.NaN()
		for _, point := range s.Pointlist {
			if len(point) != 2 || point[0] == nil {
				return nil, "", errors.New("the answer of Datadog has a point that is not a time and a value")
			}
			if point[1] != nil {
				last = *point[1]
			}
		}
		values = append(values, last)
	}
	return values, "", nil
}

// scalar is the value of the formula, or one for each group; null is NaN.
func (d *datadogQuery) scalar(ctx context.Context) ([]float64, string, error) {
	type object = map[string]any
	now := time.Now()
	var queries []object
	for _, q := range d.queries {
		queries = append(queries, object{"data_source": "metrics", "name": q.name, "query": q.query, "aggregator": d.aggregator})
	}
	request, err := json.Marshal(object{"data": object{"type": "scalar_request", "attributes": object{
		"from": now.Add(-d.interval).UnixMilli(), "to": now.UnixMilli(), "queries": queries, "formulas": []object{{"formula": d.formula}},
	}}})
	if err != nil {
		return nil, "", err
	}
	body, err := d.ask(ctx, http.MethodPost, d.address.JoinPath("/api/v2/query/scalar"), request)
	if err != nil {
		return nil, "", err
	}
	var answer struct {
		Errors json.RawMessage
		Data   *struct {
			Attributes struct {
				Columns *[]struct {
					Type   string
					Values json.RawMessage
				}
			}
		}
	}
	if json.Unmarshal(body, &answer) != nil {
		return nil, "", errors.New("the answer of Datadog is not the JSON of a scalar")
	}
	note := datadogErrors(answer.Errors)
	if answer.Data == nil || answer.Data.Attributes.Columns == nil {
		if note == "" {
			note = "the answer holds no columns"
		}
		return nil, "", fmt.Errorf("no value from Datadog: %s", note)
	}
	if note != "" {
		note = "Datadog says: " + note
	}
	var values []float64
	for _, column := range *answer.Data.Attributes.Columns {
		if column.Type == "group" {
			continue // the groups' names
		}
		var numbers []*float64
		if values != nil || json.Unmarshal(column.Values, &numbers) != nil || numbers == nil {
			return nil, "", errors.New("the answer of Datadog is not one column of numbers")
		}
		values = []float64{}
		for _, n := range numbers {
			if n == nil {
				values = append(values, math.NaN())
				continue
			}
			values = append(values, *n)
		}
	}
	return values, note, nil
}

// ask gives the body of an answer with status 2xx.
func (d *datadogQuery) ask(ctx context.Context, method string, u *url.URL, content []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(content))
	if err != nil {
		return nil, errors.New("the request cannot be made")
	}
	request.Header.Set("Accept", "application/json")
	if content != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := d.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode/100 == 2 {
		return body, err
	}
	var said struct {
		Errors json.RawMessage
		Error  json.RawMessage
	}
	_ = json.Unmarshal(body, &said) // a proxy answers with a page
	why := fmt.Sprintf("%s answered with status %d", d.address.Host, response.StatusCode)
	if text := datadogErrors(said.Errors) + datadogErrors(said.Error); text != "" {
		why += ": " + text
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, fmt.Errorf("%s (both keys have to be of this site, and the application key needs the permission timeseries_query)", why)
	case http.StatusTooManyRequests:
		return nil, tooManyRequests(why, response.Header)
	}
	return nil, errors.New(why)
}

// datadogErrors reads what an answer of Datadog says went wrong: a text, or a list of texts or of objects.
func datadogErrors(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var list []any
	_ = json.Unmarshal(raw, &list)
	var all []string
	for _, item := range list {
		switch item := item.(type) {
		case string:
			all = append(all, item)
		case map[string]any:
			for _, key := range []string{"detail", "title"} {
				if text, ok := item[key].(string); ok {
					all = append(all, text)
					break
				}
			}
		}
	}
	return strings.Join(all, "; ")
}

// retryLater is an error of a server that says when to ask again.
type retryLater struct {
	error
	after time.Duration
}

func (r retryLater) Unwrap() error { return r.error }

// maxRetry bounds how long a server can make a gate wait.
const maxRetry = 5 * time.Minute

// tooManyRequests reads an answer with status 429: Retry-After of HTTP, or the headers of
// https://docs.datadoghq.com/api/latest/rate-limits/, all in seconds.
func tooManyRequests(why string, h http.Header) error {
	if limit, period := h.Get("X-RateLimit-Limit"), h.Get("X-RateLimit-Period"); limit != "" && period != "" {
		why += fmt.Sprintf(" (%s requests in %s s are allowed", limit, period)
		if name := h.Get("X-RateLimit-Name"); name != "" {
			why += ", limit " + name
		}
		why += ")"
	}
	for _, key := range []string{"X-RateLimit-Reset", "Retry-After"} {
		if seconds, err := strconv.ParseUint(h.Get(key), 10, 31); err == nil {
			after := time.Duration(seconds) * time.Second
			return retryLater{fmt.Errorf("%s; it may be asked again in %s", why, after), min(after, maxRetry)}
		}
	}
	return errors.New(why)
}
