package itsm

import "opora/internal/fault"

// IncidentDetails is what only an incident has.
type IncidentDetails struct {
	ResolutionCode string `db:"resolution_code"`
	Resolution     string `db:"resolution"`
	CancelReason   string `db:"cancel_reason"`
}

func (d *IncidentDetails) kind() Kind     { return Incident }
func (d *IncidentDetails) clone() Details { c := *d; return &c }

// ResolutionCodes say how an incident was resolved.
var ResolutionCodes = []string{"solved", "workaround", "user_guided", "duplicate", "not_reproducible", "no_fault", "other"}

func validResolution(f *fault.Fields, code string) {
	for _, c := range ResolutionCodes {
		if c == code {
			return
		}
	}
	if code != "" { // an empty one is for the lifecycle to say
		f.Add("resolution_code", "itsm.unknown_choice")
	}
}
