package code

import (
	"fmt"

	"github.com/pmcheck/pmcheck/checks/snapshot"
)

// Observed are the queries of a snapshot that name something of the delta: what a
// database was asked, and no code may show. path is what their places name.
func Observed(s *snapshot.Snapshot, path string, names *Names) *Found {
	found := &Found{Files: 1, Parsed: 1}
	cut := 0
	for i, q := range s.Queries {
		if !names.in(q.Query) {
			continue
		}
		line := s.QueryLine(i)
		t := text{reason: "truncated"}
		if !q.Truncated {
			t = readPieces([]piece{{text: q.Query, line: line, column: 1}})
		}
		switch {
		case t.ok:
			found.Queries = append(found.Queries, Query{
				SQL: t.sql, Source: "snapshot", Path: path, Line: line, EndLine: line, Partial: t.partial, Calls: q.Calls, Users: q.Users,
			})
		case t.reason != "":
			cut++
		}
	}
	if cut > 0 {
		found.Unread = append(found.Unread, fmt.Sprintf("%s: %d queries of it are truncated or do not parse: raise track_activity_query_size and take it again", path, cut))
	}
	return found
}
