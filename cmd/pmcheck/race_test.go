//go:build race

package main

// memoryFactor is how much more memory the race detector needs: 5 to 10 times, says
// its documentation, of what the program itself allocates.
const memoryFactor = 5
