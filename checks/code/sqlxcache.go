package code

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// sqlxCache reads the queries that sqlx keeps for builds without a database:
// .sqlx/query-HASH.json of each query, or all of them in sqlx-data.json of older
// versions. They are the very texts that the program sends; where the macro of one
// is found in a Rust file beside, that is its place.
type sqlxCache struct{}

func (sqlxCache) name() string             { return cacheSource }
func (sqlxCache) reads(path string) bool   { return isSQLx(path) }
func (sqlxCache) group(name string) string { return path.Dir(name) }
func (sqlxCache) may(content []byte) bool  { return true }

func (sqlxCache) extract(files []*file, s *sink) {
	for _, f := range files {
		if s.ctx.Err() != nil {
			return
		}
		if path.Base(f.path) == "sqlx-data.json" {
			var all map[string]json.RawMessage
			if err := json.Unmarshal(f.content, &all); err != nil {
				s.unread(f.path, "it is no JSON: "+err.Error())
				continue
			}
			var hashes []string
			for hash := range all {
				hashes = append(hashes, hash)
			}
			slices.Sort(hashes)
			for _, hash := range hashes {
				var q struct {
					Query string `json:"query"`
				}
				if hash != "db" && json.Unmarshal(all[hash], &q) == nil {
					handSQLx(f, s, q.Query)
				}
			}
			continue
		}
		var q struct {
			Query *string `json:"query"`
			DB    string  `json:"db_name"`
		}
		if err := json.Unmarshal(f.content, &q); err != nil {
			s.unread(f.path, "it is no JSON: "+err.Error())
			continue
		}
		if q.Query == nil {
			s.unread(f.path, "it holds no query")
			continue
		}
		if q.DB == "" || q.DB == "PostgreSQL" {
			handSQLx(f, s, *q.Query)
		}
	}
}

// handSQLx hands a query over at the line of the file that holds it.
func handSQLx(f *file, s *sink, query string) {
	quoted, err := json.Marshal(query)
	line := 1
	if at := strings.Index(string(f.content), string(quoted)); err == nil && at >= 0 {
		line += strings.Count(string(f.content[:at]), "\n")
	} else if at := strings.Index(string(f.content), `"query"`); at >= 0 {
		line += strings.Count(string(f.content[:at]), "\n")
	}
	s.sql(f, "", []piece{{text: query, line: line, column: 1}}, line)
}
