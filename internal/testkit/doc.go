// Package testkit starts the real servers that tests run against and gives each test its own piece of them. Only tests
// import it. A server that cannot be had fails the test with a sentence that says what to install; nothing is skipped.
// What does not belong here: stand-ins for our own code, and made-up data that only one package's tests need.
//
// migrations and the packages below it (internal/db, internal/jobs) are imported here: their tests that want a
// database stand in an external test package (package db_test).
package testkit
