package code

import "strings"

// speaks tells that one of a program's literals, in their order, may begin an SQL
// statement that it and those behind it make up. Sentences begin with the same words:
// it looks at what must follow them.
func speaks(literals []string) bool {
	for i, text := range literals {
		if !mayStart(text) {
			continue
		}
		if strings.IndexByte(text, '\\') >= 0 {
			text = escapes.Replace(text)
		}
		if end := strings.LastIndex(text, "*/"); end >= 0 && opens(text[end+2:], literals[i+1:]) || opens(text, literals[i+1:]) {
			return true
		}
	}
	return false
}

// escapes are those that stand between words.
var escapes = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r", `\"`, `"`)

// mayStart looks at the first byte of a literal that is no white space.
func mayStart(text string) bool {
	for i := range len(text) {
		switch c := text[i]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return startsStatement[c]
		}
	}
	return false
}

// startsStatement are the first letters of starters, and what may stand before them.
var startsStatement = func() (t [256]bool) {
	for word := range starters {
		t[word[0]], t[word[0]-'a'+'A'] = true, true
	}
	for _, c := range []byte("(;{%$-/\\*\f\v\xa0") {
		t[c] = true
	}
	return t
}()

// opens tells that a literal begins a statement that goes on in it or in the next ones.
func opens(text string, next []string) bool {
	word, at := firstWord(text)
	verb := strings.ToLower(word)
	if !starters[verb] {
		return false
	}
	rest := text[at+len(word):]
	if rest != "" && strings.IndexByte(" \t\r\n(*\"/'", rest[0]) < 0 && !strings.HasPrefix(rest, "--") {
		return false
	}
	loud := word == strings.ToUpper(word)
	if !loud && word != verb && !strings.ContainsAny(rest, "=*(;?$") {
		return false // a sentence
	}
	bare := strings.TrimSpace(rest) == ""
	follows := func(words ...string) bool { // the next word
		if bare && len(next) > 0 {
			rest = next[0]
		}
		after, _ := firstWord(rest)
		for _, w := range words {
			if strings.EqualFold(after, w) {
				return true
			}
		}
		return false
	}
	later := func(word, sign string) bool { // a literal goes on with it
		for _, text := range next[:min(len(next), 8)] {
			if first, _ := firstWord(text); (strings.EqualFold(first, word) || strings.HasPrefix(text, ",") && hasWord(text, word)) && strings.Contains(text, sign) {
				return true
			}
		}
		return false
	}
	switch verb {
	case "select":
		return loud || hasWord(rest, "from") || word == verb && strings.Contains(rest, "(") || strings.HasSuffix(strings.TrimSpace(rest), ",") || later("from", "")
	case "insert", "merge", "replace":
		return follows("into") || loud && hasWord(rest, "into")
	case "update":
		return hasWord(rest, "set") || loud && !bare || later("set", "=") || loud && later("set", "")
	case "delete":
		return follows("from") || loud && hasWord(rest, "from")
	case "with":
		return hasWord(rest, "as") && (loud || strings.Contains(rest, "(")) || later("as", "")
	case "values":
		return strings.Contains(rest, "(")
	case "call":
		return loud && !bare || strings.Contains(rest, "(")
	case "truncate":
		return loud || follows("table")
	case "table":
		return loud && !bare
	case "lock":
		return loud && !bare || follows("table")
	case "copy":
		return hasWord(rest, "from") || hasWord(rest, "to") && (hasWord(rest, "stdout") || strings.Contains(rest, "("))
	case "create":
		return follows("temp", "temporary")
	case "refresh":
		return follows("materialized")
	case "from": // behind what is selected
		return loud && !bare || at > 0 && strings.ContainsAny(text[:at], "%{") || hasWord(rest, "where") || hasWord(rest, "join")
	}
	return loud || hasWord(rest, "select") || hasWord(rest, "insert") || hasWord(rest, "update") || hasWord(rest, "delete") // explain, declare, prepare
}

// hasWord tells that a text has a word (lower case), in upper or lower case.
func hasWord(text, word string) bool {
	for at := 0; at+len(word) <= len(text); at++ {
		if text[at]|0x20 == word[0] && (at == 0 || !wordByte(text[at-1])) && strings.EqualFold(text[at:at+len(word)], word) &&
			(at+len(word) == len(text) || !wordByte(text[at+len(word)])) {
			return true
		}
	}
	return false
}
