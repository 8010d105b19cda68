package testkit

import "syscall"

// endWithParent has the kernel end the child when the thread that started it ends, so that a killed test leaves none.
func endWithParent(attr *syscall.SysProcAttr) *syscall.SysProcAttr {
	attr.Pdeathsig = syscall.SIGTERM
	return attr
}
