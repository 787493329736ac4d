//go:build race

package githubapp_test

// raced tells that the tests run with the race detector.
const raced = true
