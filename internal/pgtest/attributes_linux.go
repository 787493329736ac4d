package pgtest

import "syscall"

// processAttributes makes the kernel stop a server whose test binary has died.
func processAttributes(account *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: account, Setpgid: true, Pdeathsig: syscall.SIGQUIT}
}
