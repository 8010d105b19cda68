// Package itsm is the service desk: tickets of the ITIL practices, what may be done with them, and who sees them. Everything that
// changes a ticket goes through Service and its one write path (write.go): lock, check, change, record, fold the clocks, save —
// in one transaction. Files with "incident" in their name hold what only incidents have; the rest is shared by all kinds.
//
// What does not belong here: pages and JSON (web), the engines (workflows), who somebody is (auth), what the company runs (cmdb).
package itsm
