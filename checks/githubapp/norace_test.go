//go:build !race

package githubapp_test

const raced = false
