package main

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"strings"
)

// A release is stamped by the linker: -ldflags "-X main.releaseVersion=v1.2.3 -X main.releaseCommit=<id> -X main.releaseDate=<RFC 3339>".
// Without a stamp the Go tool's own record of the build is used.
var releaseVersion, releaseCommit, releaseDate string

// version is the release's or the module's version, or the commit that the program was built from.
func version() string {
	number, _, _ := describe(debug.ReadBuildInfo())
	return number
}

// versionLine is the version, and what it was built from, by and for.
func versionLine() string {
	number, commit, date := describe(debug.ReadBuildInfo())
	var details []string
	if commit != "" && !strings.Contains(number, commit) {
		details = append(details, "commit "+commit)
	}
	if date != "" {
		details = append(details, date)
	}
	details = append(details, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	return number + " (" + strings.Join(details, ", ") + ")"
}

// describe gives a build's version, short commit and day; commit and day are "" when nothing tells them.
func describe(info *debug.BuildInfo, ok bool) (number, commit, date string) {
	settings := map[string]string{}
	module := ""
	if ok {
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if info.Main.Version != "(devel)" {
			module = info.Main.Version
		}
	}
	commit = short(cmp.Or(releaseCommit, settings["vcs.revision"]), len("4f2c1e0d9b5a"))
	date = short(cmp.Or(releaseDate, settings["vcs.time"]), len("2026-12-01"))
	number = cmp.Or(releaseVersion, module)
	if number == "" && commit != "" {
		number = "commit " + commit
	}
	return cmp.Or(number, "built from source"), commit, date
}

func short(s string, most int) string { return s[:min(len(s), most)] }
