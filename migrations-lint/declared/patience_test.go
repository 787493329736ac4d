package declared

import "time"

// The tests' children share a machine with all other tests.
func init() { timeLimit = 5 * time.Minute }
