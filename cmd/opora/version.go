package main

import (
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

// version is the module's version, or in a build from a work tree the revision.
func version() (opora, goVersion string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", ""
	}
	opora = info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (opora == "" || opora == "(devel)") && len(s.Value) >= 12 {
			opora = s.Value[:12]
		}
	}
	return opora, info.GoVersion
}
