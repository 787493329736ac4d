package fakegithub

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// hookState is what the server knows of its deliveries.
type hookState struct {
	deliveries []*Delivery // as they were attempted
	byID       map[int64]*Delivery
	hold       bool
	held       []*Delivery
	faults     HookFaults
	window     []*Delivery // waiting to be put out of order
	attempts   int
	dropped    int
	lost       int
	doubled    int
}

// Delivery is one webhook delivery: what was or will be sent, and what became of it.
type Delivery struct {
	ID           int64 // of the attempt; 0 before
	GUID         string
	Event        string
	Action       string
	Installation int64
	Repository   int64
	At           time.Time
	Redelivery   bool
	Status       string // "OK", "Internal Server Error", "failed to connect to host", "timed out"; "" = not yet sent
	StatusCode   int    // 0 when there was no answer
	Duration     time.Duration

	app      *app
	url      string
	secret   string
	packed   []byte // the payload, compressed: there may be many
	request  map[string]string
	response map[string]string
	answer   string
}

// Making a compressor takes longer than using it.
var packers = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed) // fails for levels that there are not
	return z
}}

func pack(body []byte) []byte {
	var packed bytes.Buffer
	z := packers.Get().(*gzip.Writer)
	defer packers.Put(z)
	z.Reset(&packed)
	z.Write(body) // a buffer takes everything
	z.Close()
	return bytes.Clone(packed.Bytes())
}

// Payload is the delivery's body.
func (d *Delivery) Payload() []byte {
	z, err := gzip.NewReader(bytes.NewReader(d.packed))
	if err != nil {
		return nil // not yet made
	}
	b, _ := io.ReadAll(z)
	return b
}

// HookFaults is what goes wrong with deliveries. The parts are drawn from the server's seed; GitHub sends
// nothing a second time by itself.
type HookFaults struct {
	Drop      float64       // this part fails: nothing arrives, and GitHub has it among its failed deliveries
	Lose      float64       // this part is neither sent nor listed
	Duplicate float64       // this part arrives twice, with one GUID
	Reorder   int           // deliveries leave in groups of so many, each group in disorder; Flush sends what waits
	Delay     time.Duration // each leaves up to so much later
}

// HookCounts is what became of deliveries.
type HookCounts struct {
	Attempts, OK, Failed, Dropped, Lost, Duplicated int
}

// WebhookTo sets where deliveries of the first App go; "" ends them.
func (s *Server) WebhookTo(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.main.hookURL, s.main.hookActive = url, url != ""
}

// SetWebhookSecret gives the first App's webhook another secret.
func (s *Server) SetWebhookSecret(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.main.secret = secret
}

// SendAll also sends what GitHub sends an App without it having asked or done more than it needs: check_suite requested and push
// (to a subscriber) at each push, and check_run created and completed for its own check runs, after the answer to the call.
func (s *Server) SendAll(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chatty = yes
	has := slices.Contains(s.main.events, "push")
	if yes && !has {
		s.main.events = append(s.main.events, "push")
	}
	if !yes && has {
		s.main.events = slices.DeleteFunc(s.main.events, func(e string) bool { return e == "push" })
	}
}

// HookFaults sets what goes wrong with deliveries from now on.
func (s *Server) HookFaults(f HookFaults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.faults = f
}

// Hold keeps deliveries back from now on. Held gives them out, to be given to Send.
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.hold = true
}

// Held ends Hold and returns what was kept back, in its order.
func (s *Server) Held() []*Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.hooks.held
	s.hooks.hold, s.hooks.held = false, nil
	return held
}

// Release ends Hold and sends what was kept back, in its order.
func (s *Server) Release() {
	for _, d := range s.Held() {
		s.Send(d)
	}
}

// Deliveries are the attempts so far, oldest first.
func (s *Server) Deliveries() []*Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.hooks.deliveries)
}

// HookCounts counts the attempts so far.
func (s *Server) HookCounts() HookCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := HookCounts{Attempts: len(s.hooks.deliveries), Dropped: s.hooks.dropped, Lost: s.hooks.lost, Duplicated: s.hooks.doubled}
	for _, d := range s.hooks.deliveries {
		if d.Status == "OK" {
			c.OK++
		} else {
			c.Failed++
		}
	}
	return c
}

// events makes the deliveries of an event in a repository, one for each App that gets it. The server is
// locked; what is returned sends them, unlocked.
func (s *Server) events(r *Repo, event string, payload obj) func() {
	var sends []func()
	for _, id := range s.appOrder {
		for _, i := range s.installs {
			if i.app.id == id && i.repos[r.id] != nil && i.suspended.IsZero() && i.gets(event) {
				sends = append(sends, s.event(i, event, payload, r))
			}
		}
	}
	return func() {
		for _, send := range sends {
			send()
		}
	}
}

// What an App needs to be sent an event.
var eventNeeds = map[string]string{
	"pull_request": "pull_requests=read", "merge_group": "merge_queues=read", "issue_comment": "issues=read; pull_requests=read",
	"check_run": "checks=read", "check_suite": "checks=read", "push": "contents=read",
}

// gets tells whether an installation is sent an event. An App that may write checks is sent theirs without having subscribed.
func (i *installation) gets(event string) bool {
	if (event == "check_run" || event == "check_suite") && allows(i.perms, "checks=write") {
		return true
	}
	return slices.Contains(i.app.events, event) && allows(i.perms, eventNeeds[event])
}

// event makes one delivery. The server is locked; what is returned sends it, unlocked.
func (s *Server) event(i *installation, event string, payload obj, r *Repo) func() {
	if !i.app.hookActive {
		return func() {}
	}
	full := obj{}
	for k, v := range payload {
		full[k] = v
	}
	if r != nil {
		full["installation"] = obj{"id": i.id, "node_id": nodeID("Integration", i.id)}
		if r.owner.org {
			full["organization"] = s.orgJSON(r.owner)
		}
	}
	d := &Delivery{
		GUID: s.guid(), Event: event, Installation: i.id, app: i.app, url: i.app.hookURL, secret: i.app.secret,
	}
	d.Action, _ = full["action"].(string)
	if r != nil {
		d.Repository = r.id
	}
	validator := s.validator
	return func() {
		body, err := json.Marshal(full)
		if err != nil {
			s.errorf("a payload of %s: %v", event, err)
			return
		}
		if validator != nil {
			for _, problem := range validator.webhook(event, d.Action, body) {
				s.errorf("the payload of %s %s: %s", event, d.Action, problem)
			}
		}
		d.packed = pack(body)
		s.mu.Lock()
		if s.hooks.hold {
			s.hooks.held = append(s.hooks.held, d)
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		s.Send(d)
	}
}

func (s *Server) guid() string {
	h := s.secret(16)
	return h[:8] + "-" + h[8:12] + "-11f0-" + h[16:20] + "-" + h[20:]
}

// Send sends a delivery, with what HookFaults says going wrong, and waits until its receiver has
// answered. It may be called from many goroutines.
func (s *Server) Send(d *Delivery) {
	s.mu.Lock()
	f := s.hooks.faults
	drawn := func(part float64) bool { return part > 0 && s.luck.Float64() < part }
	lose, drop, double := drawn(f.Lose), drawn(f.Drop), drawn(f.Duplicate)
	if lose {
		s.hooks.lost++
		s.mu.Unlock()
		return
	}
	if drop {
		s.hooks.dropped++
		s.attempted(d, "failed to connect to host", 0, 0, nil, "")
		s.mu.Unlock()
		return
	}
	batch := []*Delivery{d}
	if double {
		s.hooks.doubled++
		batch = append(batch, d)
	}
	if f.Reorder > 1 {
		s.hooks.window = append(s.hooks.window, batch...)
		batch = nil
		if len(s.hooks.window) >= f.Reorder {
			batch = s.shuffled()
		}
	}
	var delay time.Duration
	if f.Delay > 0 {
		delay = time.Duration(s.luck.Int64N(int64(f.Delay)))
	}
	s.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	for _, d := range batch {
		s.post(d)
	}
}

// Flush sends what waits to be put out of order.
func (s *Server) Flush() {
	s.mu.Lock()
	batch := s.shuffled()
	s.mu.Unlock()
	for _, d := range batch {
		s.post(d)
	}
}

func (s *Server) shuffled() []*Delivery {
	batch := s.hooks.window
	s.hooks.window = nil
	s.luck.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
	return batch
}

// Wait waits until everything that the API's calls made the server send has been sent.
func (s *Server) Wait() { s.wg.Wait() }

// Redeliver sends a delivery once more, as POST /app/hook/deliveries/{id}/attempts does: with its GUID, under a new id.
func (s *Server) Redeliver(d *Delivery) {
	s.mu.Lock()
	again := s.again(d)
	s.mu.Unlock()
	s.Send(again)
}

func (s *Server) again(d *Delivery) *Delivery {
	return &Delivery{
		GUID: d.GUID, Event: d.Event, Action: d.Action, Installation: d.Installation, Repository: d.Repository, Redelivery: true,
		app: d.app, url: d.app.hookURL, secret: d.app.secret, packed: d.packed,
	}
}

var jsonBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// post makes the attempt.
func (s *Server) post(d *Delivery) {
	body := d.Payload()
	mac := hmac.New(sha256.New, []byte(d.secret))
	mac.Write(body)
	ctx, cancel := context.WithTimeout(context.Background(), s.hookTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", d.url, bytes.NewReader(body))
	if err != nil {
		s.fatal(err)
	}
	header := map[string]string{
		"Accept": "*/*", "Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/0123abc", "X-GitHub-Delivery": d.GUID, "X-GitHub-Event": d.Event,
		"X-GitHub-Hook-ID": strconv.FormatInt(400_000_000+d.app.id, 10), "X-GitHub-Hook-Installation-Target-ID": strconv.FormatInt(d.app.id, 10),
		"X-GitHub-Hook-Installation-Target-Type": "integration", "X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil)),
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.hooks.attempts++
	began := time.Now()
	s.mu.Unlock()
	resp, err := s.hookClient.Do(r)
	took := time.Since(began)
	var status string
	var code int
	var answer string
	headers := map[string]string{}
	switch {
	case err == nil:
		buf := jsonBuffers.Get().(*bytes.Buffer)
		buf.Reset()
		io.Copy(buf, io.LimitReader(resp.Body, 64<<10))
		resp.Body.Close()
		answer = buf.String()
		jsonBuffers.Put(buf)
		for k := range resp.Header {
			headers[k] = resp.Header.Get(k)
		}
		code = resp.StatusCode
		status = http.StatusText(code)
		if code/100 == 2 {
			status = "OK"
		}
	case errors.Is(err, context.DeadlineExceeded):
		status = "timed out"
	default:
		status = "failed to connect to host"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.request = header
	s.attempted(d, status, code, took, headers, answer)
}

// attempted records an attempt. A delivery that is sent twice by a fault is listed twice. The server is locked.
func (s *Server) attempted(d *Delivery, status string, code int, took time.Duration, headers map[string]string, answer string) {
	if d.Status != "" {
		twin := *d
		d = &twin
	}
	d.ID = s.id("delivery") // in the order of the list, which the cursor relies on
	d.At, d.Status, d.StatusCode, d.Duration, d.response, d.answer = s.now(), status, code, took, headers, answer
	s.hooks.deliveries = append(s.hooks.deliveries, d)
	if s.hooks.byID == nil {
		s.hooks.byID = map[int64]*Delivery{}
	}
	s.hooks.byID[d.ID] = d
}

// The deliveries of GitHub's list reach back three days.
const deliveriesKept = 72 * time.Hour

func (q *request) delivery() (*Delivery, *apiError) {
	id, err := strconv.ParseInt(q.vars["delivery_id"], 10, 64)
	d := q.s.hooks.byID[id]
	if err != nil || d == nil || d.app != q.app || d.At.Before(q.s.now().Add(-deliveriesKept)) {
		return nil, &apiError{status: 404, message: "Not Found"}
	}
	return d, nil
}

func (d *Delivery) json(full bool) obj {
	o := obj{
		"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.At), "redelivery": d.Redelivery, "duration": float64(d.Duration.Milliseconds()) / 1000,
		"status": d.Status, "status_code": d.StatusCode, "event": d.Event, "action": nil, "installation_id": nil, "repository_id": nil, "throttled_at": nil,
	}
	if d.Action != "" {
		o["action"] = d.Action
	}
	if d.Installation != 0 {
		o["installation_id"] = d.Installation
	}
	if d.Repository != 0 {
		o["repository_id"] = d.Repository
	}
	if full {
		o["url"] = d.url
		o["request"] = obj{"headers": d.request, "payload": json.RawMessage(d.Payload())}
		o["response"] = obj{"headers": d.response, "payload": d.answer}
	}
	return o
}

// listDeliveries answers GET /app/hook/deliveries: the newest first; the cursor is the id of the last one seen.
func listDeliveries(q *request) (int, any) {
	size := min(max(q.number("per_page", 30), 1), 100)
	cursor := int64(0)
	if c := q.query.Get("cursor"); c != "" {
		n, err := strconv.ParseInt(c, 10, 64)
		if err != nil {
			return fail(400, "Invalid cursor: %s", c)
		}
		cursor = n
	}
	status := q.query.Get("status")
	if status != "" && status != "success" && status != "failure" {
		return fail(422, "Invalid request.\n\n%q is not a member of [\"success\", \"failure\"].", status)
	}
	out := []obj{}
	since := q.s.now().Add(-deliveriesKept)
	all := q.s.hooks.deliveries
	for i := len(all) - 1; i >= 0; i-- {
		d := all[i]
		if d.At.Before(since) {
			break
		}
		ok := d.StatusCode/100 == 2
		if d.app != q.app || cursor != 0 && d.ID >= cursor || status == "success" && !ok || status == "failure" && ok {
			continue
		}
		if len(out) == size {
			u := *q.r.URL
			v := u.Query()
			v.Set("cursor", strconv.FormatInt(out[size-1]["id"].(int64), 10))
			q.head.Set("Link", fmt.Sprintf("<%s%s?%s>; rel=\"next\"", q.s.URL, u.EscapedPath(), v.Encode()))
			break
		}
		out = append(out, d.json(false))
	}
	return 200, out
}

func redeliver(q *request) (int, any) {
	d, e := q.delivery()
	if e != nil {
		return e.status, e
	}
	again := q.s.again(d)
	q.after = append(q.after, func() { q.s.Send(again) })
	return 202, obj{}
}

func getDelivery(q *request) (int, any) {
	d, e := q.delivery()
	if e != nil {
		return e.status, e
	}
	return 200, d.json(true)
}
