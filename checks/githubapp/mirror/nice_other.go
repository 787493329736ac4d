//go:build !linux

package mirror

func lower(int) {}
