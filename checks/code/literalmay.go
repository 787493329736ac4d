package code

import "bytes"

// mayHoldStatement tells cheaply whether a program's text can hold an SQL statement:
// the words that begin one, where and beside what they stand in SQL. Most files that
// say select or update do not.
func mayHoldStatement(content []byte) bool {
	for i, c := range content {
		if !beginsVerb[c] || i > 0 && (isWordByte(content[i-1]) || content[i-1] == '.') && (i == 1 || content[i-2] != '\\') {
			continue // what stands behind \n begins a word
		}
		switch rest := content[i:]; c | 0x20 {
		case 's':
			if after, ok := word(rest, "select"); ok && !endsPhrase(after) && mayBeSelect(after, quoted(content, i)) {
				return true
			}
		case 'i':
			if phrase(rest, "insert", "into") {
				return true
			}
		case 'u':
			if after, ok := word(rest, "update"); ok && !endsPhrase(after) && followedBy(after, "set", 1000) {
				return true
			}
		case 'd':
			if phrase(rest, "delete", "from") {
				return true
			}
		case 'm':
			if phrase(rest, "merge", "into") {
				return true
			}
		case 'r':
			if phrase(rest, "refresh", "materialized") {
				return true
			}
		case 't', 'c', 'l':
			for _, verb := range []string{"truncate", "call", "copy", "lock"} {
				if after, ok := word(rest, verb); ok && quoted(content, i) && !endsPhrase(after) {
					return true
				}
			}
		}
	}
	return false
}

// beginsVerb are the letters that the words begin with.
var beginsVerb = func() (t [256]bool) {
	for _, c := range []byte("siudmrtcl") {
		t[c], t[c-'a'+'A'] = true, true
	}
	return t
}()

// word tells that a text begins with a word, in upper or lower case, and gives what follows.
func word(text []byte, w string) (after []byte, ok bool) {
	if len(text) < len(w) || !bytes.EqualFold(text[:len(w)], []byte(w)) {
		return nil, false
	}
	after = text[len(w):]
	return after, len(after) == 0 || !isWordByte(after[0])
}

// mayBeSelect looks at what follows a select. Where a literal begins with it, more than
// the word alone must stand there; elsewhere nothing that SQL has not may come before FROM.
func mayBeSelect(after []byte, quoted bool) bool {
	alone := bytes.IndexByte([]byte("\"'`"), after[0]) >= 0
	if quoted && !alone {
		return true
	}
	after = after[:min(len(after), 8000)]
	for _, end := range [][]byte{[]byte(";"), []byte("=>"), []byte("==="), []byte("</")} {
		if i := bytes.Index(after, end); i >= 0 && !alone {
			after = after[:i]
		}
	}
	return followedBy(after, "from", 8000)
}

// phrase tells that a text begins with two words that only white space, or the end of
// one literal and the beginning of the next, keeps apart.
func phrase(text []byte, first, second string) bool {
	after, ok := word(text, first)
	if !ok {
		return false
	}
	after = bytes.TrimLeft(after, " \t\r\n\\nrt\"'`+.")
	_, ok = word(after, second)
	return ok
}

// followedBy tells that a word follows in so many bytes.
func followedBy(text []byte, w string, most int) bool {
	text = text[:min(len(text), most)]
	for at := 1; at < len(text); at++ {
		if text[at]|0x20 != w[0] || isWordByte(text[at-1]) && text[at-1] != 'n' {
			continue // n: what is left of a \n
		}
		if _, ok := word(text[at:], w); ok {
			return true
		}
	}
	return false
}

// endsPhrase tells that what follows a word makes it a name of the program: select(, select: and the like.
func endsPhrase(after []byte) bool {
	after = bytes.TrimLeft(after, " \t\r\n")
	return len(after) == 0 || bytes.IndexByte([]byte("(:=;,.)]}<>&|?!"), after[0]) >= 0
}

// quoted tells that a quote opens just before.
func quoted(content []byte, at int) bool {
	before := bytes.TrimRight(content[max(0, at-40):at], " \t\r\n")
	return len(before) > 0 && bytes.IndexByte([]byte("\"'`"), before[len(before)-1]) >= 0
}

func isWordByte(b byte) bool { return wordBytes[b] }

var wordBytes = func() (t [256]bool) {
	for i := range t {
		b := byte(i)
		t[i] = b == '_' || b == '$' || b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' || b >= 0x80
	}
	return t
}()
