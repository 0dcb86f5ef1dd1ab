// Package e2e holds the end-to-end tests: the real strangler binary in front
// of the real Django helpdesk and its faq service, as an operator runs them.
// The programs come from package testbed. There is no code in it.
package e2e
