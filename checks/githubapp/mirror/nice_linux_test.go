package mirror

import (
	"os/exec"
	"syscall"
	"testing"
)

// TestLower waits for a process that ends once it, and what it starts, has the nice value.
func TestLower(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `while [ "$(nice)" -lt 10 ]; do sleep 0.01; done`)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lower(cmd.Process.Pid)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	lower(cmd.Process.Pid) // it is gone
}
