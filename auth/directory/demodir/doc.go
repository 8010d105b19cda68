// Package demodir is a small LDAP directory inside Opora's own process, with the invented company Kestrel in it: for the
// demo, so that signing in, groups, managers and password resets work without a server to set up. It listens on loopback
// only and keeps its entries in one JSON file.
//
// It answers bind, search with every filter of RFC 4511 but extensible matching, paged results (RFC 2696), modify, and
// the password modify operation (RFC 3062). It speaks the protocol itself, over asn1-ber and the pieces that go-ldap
// exports: gldap hands the value of an extended operation to nobody, cannot page, and cannot be stopped while a client
// is connected.
//
// What does not belong here: anything that a real company's directory would need, such as a schema, access lists or TLS.
package demodir
