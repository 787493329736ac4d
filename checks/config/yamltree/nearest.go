package yamltree

import "strings"

// Nearest gives the name in known that word is most likely a misspelling of, ""
// when none is near. Case, "_", "-" and spaces count for nothing.
func Nearest(word string, known []string) string {
	const longest = 64
	folded := fold(word)
	if folded == "" || len(folded) > longest {
		return ""
	}
	best, bestDistance := "", max(1, min(3, len(folded)/3))+1
	for _, name := range known {
		if d := distance(folded, fold(name)); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

func fold(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to make b from a (optimal string alignment).
func distance(a, b string) int {
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
