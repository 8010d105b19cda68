//go:build unix && !linux

package localpg

import "syscall"

// onParentDeath can do nothing here: only Linux tells a child of its parent's death. After a kill -9 of Opora the
// server runs on and holds the lock, so that the next start says so.
func onParentDeath(attr *syscall.SysProcAttr) *syscall.SysProcAttr { return attr }
