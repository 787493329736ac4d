package main

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	fromGit := []debug.BuildSetting{{Key: "vcs.revision", Value: "4f2c1e0d9b5a77777777"}, {Key: "vcs.time", Value: "2026-11-30T08:00:00Z"}}
	for _, test := range []struct {
		name                   string
		release, commit, date  string
		info                   *debug.BuildInfo
		wantNumber, wantCommit string
		wantDate               string
	}{
		{"a release", "v1.2.3", "aaaabbbbccccdddd", "2026-12-01T10:00:00Z", &debug.BuildInfo{Settings: fromGit}, "v1.2.3", "aaaabbbbcccc", "2026-12-01"},
		{"go install of a version", "", "", "", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "v1.2.3", "", ""},
		{"go build in a clone", "", "", "", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: fromGit}, "commit 4f2c1e0d9b5a", "4f2c1e0d9b5a", "2026-11-30"},
		{"go build without git", "", "", "", &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "built from source", "", ""},
		{"no record", "", "", "", nil, "built from source", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			releaseVersion, releaseCommit, releaseDate = test.release, test.commit, test.date
			t.Cleanup(func() { releaseVersion, releaseCommit, releaseDate = "", "", "" })
			number, commit, date := describe(test.info, test.info != nil)
			if number != test.wantNumber || commit != test.wantCommit || date != test.wantDate {
				t.Errorf("got %q, %q, %q, want %q, %q, %q", number, commit, date, test.wantNumber, test.wantCommit, test.wantDate)
			}
		})
	}
}
