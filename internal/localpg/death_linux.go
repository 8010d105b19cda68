package localpg

import "syscall"

// onParentDeath has the kernel ask PostgreSQL for a fast shutdown when the thread that started it dies.
func onParentDeath(attr *syscall.SysProcAttr) *syscall.SysProcAttr {
	attr.Pdeathsig = syscall.SIGINT
	return attr
}
