package mirror

import "golang.org/x/sys/unix"

// nice is what git runs at, as the checks do: webhooks are answered meanwhile.
const nice = 10

// lower gives a process group less of the processor than this process has, where others want it too.
func lower(group int) {
	// The system call gives 20 less the nice value. A process that is gone needs nothing.
	if has, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil && 20-has < nice {
		_ = unix.Setpriority(unix.PRIO_PGRP, group, nice)
	}
}
