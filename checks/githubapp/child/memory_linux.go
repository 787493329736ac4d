package child

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// pageSize is the unit of /proc/PID/statm.
var pageSize = int64(os.Getpagesize())

// resident is what a process holds in memory, in bytes (proc(5), statm); 0 when it is gone.
func resident(pid int) int64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(content)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * pageSize
}

// residentOfGroup is what all processes of a group hold.
func residentOfGroup(group int) int64 {
	var sum int64
	proc, err := os.Open("/proc")
	if err != nil {
		return 0
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err == nil && groupOf(pid) == group {
			sum += resident(pid)
		}
	}
	return sum
}

// groupOf is the process group of a process, 0 when it is gone.
func groupOf(pid int) int {
	group, err := unix.Getpgid(pid)
	if err != nil {
		return 0
	}
	return group
}

// spare is how much more than its limit the child may map as data: stacks of threads, and what Go maps and does not use. It
// stands behind the measuring, for what grows faster than that looks.
const spare = 2 << 30

// confine sets the limits of this process that the kernel holds it to, and of all that it starts.
func confine(l Limits) error {
	seconds := uint64(max(1, (l.CPU+999_999_999)/1_000_000_000))
	for what, most := range map[int]uint64{
		unix.RLIMIT_CORE:  0,
		unix.RLIMIT_CPU:   seconds,
		unix.RLIMIT_DATA:  uint64(l.Memory) + spare,
		unix.RLIMIT_FSIZE: 64 << 20, // nothing here writes a file
	} {
		var set unix.Rlimit
		if err := unix.Getrlimit(what, &set); err != nil {
			return err
		}
		most = min(most, set.Max) // only a privileged process may have more than it was given
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	// The parent answers webhooks meanwhile. The group is the child's own: PRIO_PROCESS would be this thread alone.
	const nice = 10
	has, err := unix.Getpriority(unix.PRIO_PROCESS, 0) // the system call gives 20 less the nice value
	if err != nil || 20-has >= nice {
		return err
	}
	return unix.Setpriority(unix.PRIO_PGRP, 0, nice)
}
