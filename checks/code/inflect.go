package code

import "strings"

// Irregular and uncountable words of Rails' inflector, singular to plural.
var irregular = map[string]string{
	"person": "people", "man": "men", "woman": "women", "child": "children", "sex": "sexes", "move": "moves", "zombie": "zombies",
	"mouse": "mice", "ox": "oxen", "quiz": "quizzes", "octopus": "octopi", "virus": "viri", "axis": "axes", "crisis": "crises", "testis": "testes",
	"equipment": "equipment", "information": "information", "rice": "rice", "money": "money", "species": "species", "series": "series",
	"fish": "fish", "sheep": "sheep", "jeans": "jeans", "police": "police", "alias": "aliases", "status": "statuses", "bus": "buses",
	"news": "news", "datum": "data", "medium": "media", "analysis": "analyses", "basis": "bases",
}

// plural is the plural of an English word as Rails' inflector makes it.
func plural(word string) string {
	if p := irregular[word]; p != "" {
		return p
	}
	ends := func(suffixes ...string) bool {
		for _, s := range suffixes {
			if strings.HasSuffix(word, s) {
				return true
			}
		}
		return false
	}
	switch {
	case word == "":
		return ""
	case ends("sis"):
		return strings.TrimSuffix(word, "sis") + "ses"
	case ends("x", "ch", "ss", "sh"):
		if ends("matrix", "vertex", "index") {
			return word[:len(word)-2] + "ices"
		}
		return word + "es"
	case ends("y") && len(word) > 1 && !strings.ContainsRune("aeiou", rune(word[len(word)-2])):
		return word[:len(word)-1] + "ies"
	case ends("fe"):
		return strings.TrimSuffix(word, "fe") + "ves"
	case ends("lf", "rf"):
		return strings.TrimSuffix(word, "f") + "ves"
	case ends("tum", "ium"):
		return strings.TrimSuffix(word, "um") + "a"
	case ends("buffalo", "tomato"):
		return word + "es"
	case ends("s"):
		return word
	}
	return word + "s"
}

// pluralSnake is the name of the table of a class: APIKeyRubygemScope is api_key_rubygem_scopes.
func pluralSnake(class string) string {
	name := snake(class)
	i := strings.LastIndexByte(name, '_') + 1
	return name[:i] + plural(name[i:])
}

// singular undoes plural for the last word of a table's name.
func singular(table string) string {
	i := strings.LastIndexByte(table, '_') + 1
	word := table[i:]
	for one, many := range irregular {
		if many == word {
			return table[:i] + one
		}
	}
	for _, try := range []struct{ suffix, instead string }{{"ies", "y"}, {"ices", "ex"}, {"ches", "ch"}, {"sses", "ss"}, {"shes", "sh"}, {"xes", "x"}, {"ves", "f"}, {"s", ""}} {
		if stem, ok := strings.CutSuffix(word, try.suffix); ok && plural(stem+try.instead) == word {
			return table[:i] + stem + try.instead
		}
	}
	return table
}
