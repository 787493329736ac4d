//go:build unix && !linux

package pgtest

import "syscall"

func processAttributes(account *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: account}
}
