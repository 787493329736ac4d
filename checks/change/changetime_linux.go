package change

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime is when a file's contents or attributes were last changed, which, unlike its modification time, cannot be set.
func changeTime(info fs.FileInfo) (time.Time, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(int64(stat.Ctim.Sec), int64(stat.Ctim.Nsec)), true
}
