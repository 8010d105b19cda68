package cmdb

import (
	"slices"
	"strconv"
)

// Class is the kind of thing that an item is. The catalogue has its name as "class." and the class.
type Class string

// The classes.
const (
	ClassService     Class = "service"
	ClassApplication Class = "application"
	ClassServer      Class = "server"
	ClassNetwork     Class = "network"
	ClassPrinter     Class = "printer"
	ClassWorkstation Class = "workstation"
	ClassMobile      Class = "mobile"
	ClassOther       Class = "other"
)

// Classes are all of them, in the order in which forms offer them.
var Classes = []Class{ClassService, ClassApplication, ClassServer, ClassNetwork, ClassPrinter, ClassWorkstation, ClassMobile, ClassOther}

// Known tells whether c is a class.
func (c Class) Known() bool { return slices.Contains(Classes, c) }

// Label is the catalogue's message id of the class's name.
func (c Class) Label() string { return "class." + string(c) }

// Criticality is how much hangs on an item: 1 the business stops, 4 hardly anybody notices.
const (
	HighestCriticality = 1
	LowestCriticality  = 4
	UsualCriticality   = 3
)

// CriticalityLabel is the catalogue's message id of the level's name.
func CriticalityLabel(level int) string { return "criticality." + strconv.Itoa(level) }
