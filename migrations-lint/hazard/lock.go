package hazard

// Lock is a table-level lock mode, by PostgreSQL's own name (manual, 13.3.1).
type Lock string

// The lock modes, weakest first. The zero value is no lock.
const (
	AccessShare          Lock = "ACCESS SHARE"
	RowShare             Lock = "ROW SHARE"
	RowExclusive         Lock = "ROW EXCLUSIVE"
	ShareUpdateExclusive Lock = "SHARE UPDATE EXCLUSIVE"
	Share                Lock = "SHARE"
	ShareRowExclusive    Lock = "SHARE ROW EXCLUSIVE"
	Exclusive            Lock = "EXCLUSIVE"
	AccessExclusive      Lock = "ACCESS EXCLUSIVE"
)

var modes = []Lock{AccessShare, RowShare, RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive}

// conflicts are the modes that each mode keeps others from getting (manual, 13.3.1, table 13.2).
var conflicts = map[Lock][]Lock{
	AccessShare:          {AccessExclusive},
	RowShare:             {Exclusive, AccessExclusive},
	RowExclusive:         {Share, ShareRowExclusive, Exclusive, AccessExclusive},
	ShareUpdateExclusive: {ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive},
	Share:                {RowExclusive, ShareUpdateExclusive, ShareRowExclusive, Exclusive, AccessExclusive},
	ShareRowExclusive:    {RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive},
	Exclusive:            {RowShare, RowExclusive, ShareUpdateExclusive, Share, ShareRowExclusive, Exclusive, AccessExclusive},
	AccessExclusive:      modes,
}

// rank is the server's number of the mode, 0 for none.
func (l Lock) rank() int {
	for i, m := range modes {
		if m == l {
			return i + 1
		}
	}
	return 0
}

func (l Lock) conflictsWith(other Lock) bool {
	for _, m := range conflicts[l] {
		if m == other {
			return true
		}
	}
	return false
}

// Blocks tells what the lock keeps others from, out of "reads" (SELECT, which takes
// ACCESS SHARE), "writes" (INSERT, UPDATE, DELETE and MERGE: ROW EXCLUSIVE) and "ddl":
// every schema change, VACUUM and ANALYZE, of which the mildest take SHARE UPDATE
// EXCLUSIVE. The locks that reads and writes take themselves block none of these.
func (l Lock) Blocks() []string {
	var blocks []string
	for _, b := range []struct {
		what string
		mode Lock
	}{{"reads", AccessShare}, {"writes", RowExclusive}, {"ddl", ShareUpdateExclusive}} {
		if l.conflictsWith(b.mode) {
			blocks = append(blocks, b.what)
		}
	}
	return blocks
}
