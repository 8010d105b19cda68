// Package directory reads people and groups out of a company's directory, OpenLDAP or Active Directory, and lets the
// directory judge passwords. It knows connections, filters, bind refusals and immutable ids.
//
// What does not belong here: which group gives which role, sessions, limits on attempts, and anything stored — that is
// auth. Only this package and its demo server import go-ldap.
package directory
