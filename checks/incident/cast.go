package incident

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	slackgo "github.com/slack-go/slack"

	"github.com/pmcheck/pmcheck/checks/slack"
)

// maxEvent bounds an event of the timeline, in characters.
const maxEvent = 400

// cast are the people of an incident, by what they do. No name leaves it.
type cast struct {
	roles   map[string]string // by Slack's ids
	order   []string          // ids, in the order in which they were met
	aliases map[string]string // a name -> the role of who has it
	looks   *regexp.Regexp    // the names; nil = none
	unnamed int
}

func newCast(roles map[string]string) *cast {
	c := &cast{roles: map[string]string{}, aliases: map[string]string{}}
	maps.Copy(c.roles, roles)
	return c
}

func (c *cast) meet(id string) {
	if id == "" || slices.Contains(c.order, id) {
		return
	}
	c.order = append(c.order, id)
}

// role is what a person does; those who have no role are numbered.
func (c *cast) role(id string) string {
	if role := c.roles[id]; role != "" {
		return role
	}
	n := 0
	for _, other := range c.order {
		if c.roles[other] == "" {
			n++
		}
		if other == id {
			return fmt.Sprintf("responder %d", n)
		}
	}
	return "somebody"
}

// names asks Slack how people are called, so that their names are found in texts. Bots keep theirs.
func (c *cast) names(ctx context.Context, api *slackgo.Client) {
	var known []*slackgo.User
	for i, id := range c.order {
		user, err := api.GetUserInfoContext(ctx, id)
		switch {
		case err == nil && user.IsBot:
			c.roles[id] = "bot " + line(user.RealName, 60)
		case err == nil:
			known = append(known, user)
		case slack.Code(err) == "missing_scope" || ctx.Err() != nil: // the next ones are refused too
			c.unnamed += len(c.order) - i
			return
		default:
			c.unnamed++
		}
	}
	for _, user := range known { // now that it is known who is numbered
		c.alias(user.ID, user.Name, user.RealName, user.Profile.RealName, user.Profile.DisplayName)
	}
	c.compile()
}

// compile makes the pattern of the names.
func (c *cast) compile() {
	if len(c.aliases) == 0 {
		return
	}
	// Whatever the case, since people write "alice": a role too many can be mended by who reads the draft, a name that is published cannot.
	var parts []string
	for _, name := range slices.SortedFunc(maps.Keys(c.aliases), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }) {
		parts = append(parts, regexp.QuoteMeta(name))
	}
	c.looks = regexp.MustCompile(`(?i)@?(?:` + strings.Join(parts, "|") + `)`)
}

// alias takes names of a person, whole and in parts of three letters and more.
func (c *cast) alias(id string, names ...string) {
	role := c.role(id)
	add := func(name string) {
		if name = strings.ToLower(name); len([]rune(name)) >= 3 && c.aliases[name] == "" {
			c.aliases[name] = role
		}
	}
	for _, name := range names {
		name = strings.TrimSpace(name)
		add(name)
		for _, part := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '\'' }) {
			add(part)
		}
	}
}

// speaker says who a message is of.
func (c *cast) speaker(m slackgo.Message) string {
	switch {
	case m.User != "" && m.BotID == "":
		return c.role(m.User)
	case m.BotProfile != nil && m.BotProfile.Name != "":
		return "bot " + line(m.BotProfile.Name, 60)
	case m.Username != "":
		return "bot " + line(m.Username, 60)
	}
	return "a bot"
}

var (
	mention  = regexp.MustCompile(`<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>`)
	anchor   = regexp.MustCompile(`<([^<>|]+)(?:\|([^<>]*))?>`)
	mailText = regexp.MustCompile(`[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+\.[\p{L}\p{N}.-]*[\p{L}\p{N}]`)
	// secrets are tokens of the services that people paste from in a hurry, and passwords in addresses.
	secrets = regexp.MustCompile(`\bxox[a-z]-[\w-]{8,}|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bAKIA[0-9A-Z]{16}\b|\bCCIPAT_\w{8,}|(://)[^\s/@:]+:[^\s/@]+@`)
)

// mentioned are the ids of the people that a text mentions.
func mentioned(text string) []string {
	var ids []string
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// plain is a text of Slack without its markup, on one line, with roles where people are named.
func (c *cast) plain(text string) string {
	text = anchor.ReplaceAllStringFunc(text, func(found string) string {
		parts := anchor.FindStringSubmatch(found)
		target, label := parts[1], parts[2]
		switch {
		case mention.MatchString(found):
			return c.role(mention.FindStringSubmatch(found)[1])
		case strings.HasPrefix(target, "!subteam^"):
			return "a user group"
		case strings.HasPrefix(target, "!date^"):
			return label
		case strings.HasPrefix(target, "!"):
			return "@" + strings.TrimPrefix(target, "!")
		case strings.HasPrefix(target, "#"):
			if label == "" {
				return "a channel"
			}
			return "#" + label
		case strings.HasPrefix(target, "mailto:"):
			return "(an e-mail address)"
		case label == "" || label == target:
			return target
		}
		return label + " (" + target + ")"
	})
	return line(c.named(redact(unescape.Replace(text))), maxEvent)
}

// named puts roles where names stand alone, and not within a word.
func (c *cast) named(text string) string {
	if c.looks == nil {
		return text
	}
	var b strings.Builder
	at := 0
	for _, found := range c.looks.FindAllStringIndex(text, -1) {
		name := strings.TrimPrefix(text[found[0]:found[1]], "@")
		before, after := lastRune(text[:found[0]]), firstRune(text[found[1]:])
		if wordLetter(before) || wordLetter(after) {
			continue
		}
		b.WriteString(text[at:found[0]])
		b.WriteString(c.aliases[strings.ToLower(name)])
		at = found[1]
	}
	return b.String() + text[at:]
}

func lastRune(s string) rune {
	letters := []rune(s[max(0, len(s)-4):])
	if len(letters) == 0 {
		return ' '
	}
	return letters[len(letters)-1]
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return ' '
}

func wordLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// redact takes secrets and e-mail addresses out of a text.
func redact(text string) string {
	text = secrets.ReplaceAllString(text, "$1(redacted)")
	return mailText.ReplaceAllString(text, "(an e-mail address)")
}

// line is a text on one line, without what steers a terminal or the direction of writing, of at most so many characters.
func line(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	text = strings.Join(strings.Fields(text), " ")
	if letters := []rune(text); len(letters) > most {
		return strings.TrimSpace(string(letters[:most-1])) + "…"
	}
	return text
}
