//go:build linux || darwin || freebsd

package githubapp

import "syscall"

// freeBytes is what the disk of a folder has left for this user.
func freeBytes(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
