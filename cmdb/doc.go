// Package cmdb is what the company runs: configuration items and, among them, the services that people ask about. It is
// a first, plain list (name, class, criticality, owner, team) from which the configuration management database grows.
//
// What does not belong here: tickets and what they say about an item (itsm, which imports this package and never the
// other way), the rules of service levels (itsm/sla; an item only names its policy), and pages (web).
package cmdb
