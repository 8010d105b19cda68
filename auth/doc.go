// Package auth says who somebody is and what they may do: actors, roles and the table of rights; signing in by a directory
// or by the administrator's one-time link, limits on attempts, sessions; and the people, teams and sites that the desk knows.
//
// What does not belong here: how a directory is asked (auth/directory), cookies and pages (web), and who sees which ticket
// (itsm's policy).
package auth
