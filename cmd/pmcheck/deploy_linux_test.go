package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// On a terminal each measurement is a line.
func TestDeployGateOnATerminal(t *testing.T) {
	screen, terminal := pseudoTerminal(t)
	shown := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(screen) // ends with EIO when the terminal is closed
		shown <- string(text)
	}()
	status, errs := gateOnCanary(t, "echo", terminal)
	if err := terminal.Close(); err != nil {
		t.Fatal(err)
	}
	text := <-shown
	for _, line := range []string{"1/4  Successful", "2/4  Successful", "3/4  Successful", "4/4  Successful", "3/4  Failed"} {
		if !strings.Contains(text, "error-rate  "+line) {
			t.Errorf("no line %q", line)
		}
	}
	if measured := strings.Count(text, "  error-rate  "); status != exitFail || measured != 7 || errs != "" {
		t.Errorf("status %d, %d measurements shown\n%s%s", status, measured, text, errs)
	}
}

// pseudoTerminal is a terminal, and what shows its screen.
func pseudoTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skip(err)
	}
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skip(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	return screen, terminal
}
