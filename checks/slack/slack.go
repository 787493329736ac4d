// Package slack sends messages to Slack, by a bot's token (https://docs.slack.dev/apis/web-api/) or an incoming webhook, and
// keeps what all calls need: limits of the rate, answers that break off, errors that say what to do. It knows nothing of
// deploys, incidents or post-mortems.
package slack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	slackgo "github.com/slack-go/slack"

	"github.com/pmcheck/pmcheck/internal/outgoing"
)

// DefaultURL is where Slack answers its Web API.
const DefaultURL = "https://slack.com/api/"

// The environment variables that [FromEnv] reads.
const (
	TokenVariable   = "SLACK_BOT_TOKEN"
	WebhookVariable = "SLACK_WEBHOOK_URL"
	AddressVariable = "SLACK_API_URL" // of the Web API, as https://slack-gov.com/api/; DefaultURL without it
)

// maxText bounds a message's text in characters; Slack cuts off what is longer (chat.postMessage, "Truncating content").
const maxText = 4000

// Message is what is sent.
type Message struct {
	Channel string // id or #name; a webhook has its own, and ignores it
	Thread  string // the timestamp of the message that this replies to; a webhook cannot reply
	Text    string // mrkdwn; texts from outside go through Escape
}

// Posted is a message that was sent. A webhook does not say where it is.
type Posted struct{ Channel, TS string }

// Sender sends messages: a [Client], or a [Webhook].
type Sender interface {
	Send(context.Context, Message) (Posted, error)
}

// FromEnv makes the sender that the environment has: a token before a webhook. Without either it is an error that says so.
func FromEnv(getenv func(string) string) (Sender, error) {
	if getenv(TokenVariable) == "" && getenv(WebhookVariable) != "" {
		return NewWebhook(getenv(WebhookVariable))
	}
	return New(getenv(AddressVariable), getenv(TokenVariable))
}

// Client makes calls with a bot's token. It is safe for concurrent use.
type Client struct {
	api *slackgo.Client
}

// New makes a client. The token is that of a bot (xoxb-...). An empty address is [DefaultURL]; one without https is taken for
// this machine alone. The error says what is wrong with either.
func New(address, token string) (*Client, error) {
	base, err := parse(strings.TrimSuffix(cmp.Or(address, DefaultURL), "/"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: expected an address like %s, since a token is sent there", AddressVariable, DefaultURL)
	case token == "":
		return nil, fmt.Errorf("there is no token for Slack: install an app into the workspace, and put its Bot User OAuth Token (xoxb-...) into the environment as %s", TokenVariable)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, fmt.Errorf("the token in %s holds a blank or another character that no token has: look at how it was pasted", TokenVariable)
	}
	return &Client{slackAPI(base.String()+"/", token, newTransport(""))}, nil
}

func slackAPI(address, token string, t *transport) *slackgo.Client {
	return slackgo.New(token, slackgo.OptionAPIURL(address), slackgo.OptionHTTPClient(t))
}

// API makes the calls that this package has no function for; each error of its functions is an [Error], or the context's.
func (c *Client) API() *slackgo.Client { return c.api }

// Send posts a message, never twice: where the answer was lost, the error's Unsure says that it may stand there.
func (c *Client) Send(ctx context.Context, m Message) (Posted, error) {
	options := []slackgo.MsgOption{slackgo.MsgOptionText(cut(m.Text, maxText), false), slackgo.MsgOptionDisableLinkUnfurl(), slackgo.MsgOptionDisableMediaUnfurl()}
	if m.Thread != "" {
		options = append(options, slackgo.MsgOptionTS(m.Thread))
	}
	channel, ts, err := c.api.PostMessageContext(ctx, m.Channel, options...)
	if err != nil {
		return Posted{}, err
	}
	return Posted{channel, ts}, nil
}

// Webhook sends messages to the one channel that it was made for.
type Webhook struct {
	address   string
	transport *transport
}

// NewWebhook makes a webhook of its address, which is a secret.
func NewWebhook(address string) (*Webhook, error) {
	if _, err := parse(address); err != nil {
		return nil, fmt.Errorf("%s is not an address of an incoming webhook, which begins with https://hooks.slack.com/services/ for most", WebhookVariable)
	}
	return &Webhook{address, newTransport("webhook")}, nil
}

// Send posts a message, never twice.
func (w *Webhook) Send(ctx context.Context, m Message) (Posted, error) {
	if m.Thread != "" {
		return Posted{}, errors.New("an incoming webhook cannot reply in a thread: a bot's token in " + TokenVariable + " can")
	}
	body, err := json.Marshal(map[string]any{"text": cut(m.Text, maxText), "unfurl_links": false, "unfurl_media": false})
	if err != nil {
		return Posted{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, bytes.NewReader(body))
	if err != nil {
		return Posted{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := w.transport.Do(request)
	if err != nil {
		return Posted{}, err
	}
	return Posted{}, answer.Body.Close()
}

// parse reads an address to which a secret may be sent. The error does not repeat it.
func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return nil, errors.New("not an address")
	}
	if !outgoing.MayCarryToken(u) {
		return nil, errors.New("not https")
	}
	return u, nil
}
