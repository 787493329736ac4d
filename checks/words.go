package checks

import (
	"fmt"
	"strings"
	"time"
)

// wordAt is the last part of the name at an offset: legacy_name of users.legacy_name.
func wordAt(sql string, offset int) string {
	word := ""
	for at := min(offset, len(sql)); at < len(sql); {
		end := at
		for end < len(sql) && wordByte(lower(sql[end])) {
			end++
		}
		word = sql[at:end]
		if end+1 >= len(sql) || sql[end] != '.' {
			break
		}
		at = end + 1
	}
	return word
}

// oneLine is a text on one line, cut at so many bytes.
func oneLine(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most-3], "") + "..."
	}
	return text
}

// hasWord tells that a text has a name as a word of its own, in upper or lower case.
func hasWord(text, name string) bool {
	return indexWord(strings.ToLower(text), strings.ToLower(name)) >= 0
}

// indexWord is where a text has a word, -1 for nowhere. Both are in lower case.
func indexWord(text, word string) int {
	for at := 0; word != ""; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			break
		}
		i += at
		end := i + len(word)
		if (i == 0 || !wordByte(text[i-1])) && (end == len(text) || !wordByte(text[end])) {
			return i
		}
		at = i + 1
	}
	return -1
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// wordByte tells that a byte belongs to a name in lower case.
func wordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 0x80
}

// sizeInWords is a table's size for a reader: "about 12 million rows (9.4 GB)".
func sizeInWords(rows, bytes int64) string {
	switch {
	case rows < 0:
		return bytesInWords(bytes)
	case rows == 0:
		return "no rows"
	case rows == 1:
		return "1 row"
	case rows < 1000:
		return fmt.Sprintf("%d rows (%s)", rows, bytesInWords(bytes))
	}
	return fmt.Sprintf("about %s rows (%s)", numberInWords(rows), bytesInWords(bytes))
}

// numberInWords is a number of two digits that count: "12,000", "1.2 million".
func numberInWords(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1e12, "trillion"}, {1e9, "billion"}, {1e6, "million"}} {
		if n >= unit.size-unit.size/200 {
			return twoDigits(float64(n)/float64(unit.size)) + " " + unit.name
		}
	}
	if n >= 1000 {
		step := int64(100)
		for n >= step*100 {
			step *= 10
		}
		n = (n + step/2) / step * step
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	return fmt.Sprint(n)
}

// bytesInWords counts as the server does: a kilobyte has 1,024 bytes.
func bytesInWords(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB", "PB"}
	size, unit := float64(n), 0
	for size >= 999.5 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	return twoDigits(size) + " " + units[unit]
}

func twoDigits(n float64) string {
	if n >= 9.95 {
		return fmt.Sprintf("%.0f", n)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0")
}

// timeInWords is a duration for a reader: "42 minutes".
func timeInWords(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := int64((d + unit.size/2) / unit.size); d >= 2*unit.size-unit.size/10 || unit.size == time.Second {
			if n == 1 {
				return "1 " + unit.name
			}
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return ""
}
