package main

import (
	"cmp"
	"fmt"
	"runtime/debug"
)

type versionCommand struct{}

// Run prints the version and what it was built with.
func (versionCommand) Run() error {
	v, goVersion := version()
	_, err := fmt.Println("opora", v, goVersion)
	return err
}

// revision is the commit; the Makefile sets it, since a build in somebody else's clone cannot ask git.
var revision string

// version is the commit, or for an installed module its version.
func version() (opora, goVersion string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(revision, "unknown"), ""
	}
	return cmp.Or(revision, info.Main.Version, "unknown"), info.GoVersion
}
