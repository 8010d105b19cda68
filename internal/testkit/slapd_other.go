//go:build !linux

package testkit

import "syscall"

// endWithParent can do nothing here: a killed test leaves its slapd behind.
func endWithParent(attr *syscall.SysProcAttr) *syscall.SysProcAttr { return attr }
