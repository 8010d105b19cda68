// Package lifecycles holds the state machines of the practices as Opora ships them: one YAML file a practice, in the form
// that workflows/lifecycle reads. What does not belong here: an organisation's own versions, which are in the database,
// and any rule that is not part of a lifecycle.
package lifecycles

import (
	"embed"
	"sync"

	"opora/workflows/lifecycle"
)

//go:generate go run opora/tools/docs ../../docs

//go:embed *.yaml
var files embed.FS

// Incident is the lifecycle of an incident.
var Incident = shipped("incident")

// All returns the shipped lifecycles, in the order of the documentation.
func All() []*lifecycle.Definition { return []*lifecycle.Definition{Incident()} }

// shipped reads an embedded definition once. One that does not pass its checks is a fault of the build: panic.
func shipped(name string) func() *lifecycle.Definition {
	return sync.OnceValue(func() *lifecycle.Definition {
		d, err := lifecycle.Load(files, name)
		if err != nil {
			panic(err)
		}
		return d
	})
}
