package slack

import (
	"strings"
	"unicode"
)

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Escape makes a text from outside safe within mrkdwn: one line of at most so many characters that mentions nobody, links to
// nothing and formats nothing (https://docs.slack.dev/messaging/formatting-message-text).
func Escape(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\u200b', unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	letters := []rune(cut(strings.Join(strings.Fields(text), " "), most))
	var b strings.Builder
	for i, r := range letters {
		b.WriteRune(r)
		inside := i > 0 && i+1 < len(letters) && inWord(letters[i-1]) && inWord(letters[i+1])
		if strings.ContainsRune("*~`@", r) || r == '_' && !inside { // a name_of_a_file can still be copied
			b.WriteRune('\u200b') // a mark of formatting that nothing follows directly is a letter like others
		}
	}
	return entities.Replace(b.String())
}

func inWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// Link is a link in mrkdwn; what is no http address is its label alone.
func Link(address, label string) string {
	label = strings.ReplaceAll(Escape(label, 200), "|", "\u2502")
	if !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") ||
		strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>|", r) }) {
		return label
	}
	return "<" + strings.ReplaceAll(address, "&", "&amp;") + "|" + label + ">"
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	letters := []rune(text)
	if len(letters) <= most {
		return text
	}
	return strings.TrimRight(string(letters[:most-1]), " ") + "…"
}
