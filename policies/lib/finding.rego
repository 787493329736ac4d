# METADATA
# title: Findings
# description: How a rule makes the findings that it returns.
package pmcheck.lib.finding

# at is a finding about a place.
at(place, message) := {"place": place, "message": message}

# on is a finding about a statement, with what to do about it. Its subject keeps
# the finding the same finding when lines move.
on(statement, message, remedy) := {
	"place": statement.place,
	"message": message,
	"remedy": remedy,
	"subject": concat(" ", array.concat(
		[statement.kind],
		[word | some key in ["relation", "column", "name"]; word := statement[key]; word != ""],
	)),
}

# advised adds what to do.
advised(finding, remedy) := object.union(finding, {"remedy": remedy})

# about says what the finding is about, for a fingerprint that outlives a moved line.
about(finding, subject) := object.union(finding, {"subject": subject})

# because adds the places that cause it.
because(finding, places) := object.union(finding, {"caused_by": places})

# lowered gives one finding a severity below its rule's default. A configured
# severity counts all the same.
lowered(finding, severity) := object.union(finding, {"severity": severity})

# also adds other places that the finding is about: a list of {"place", "text"}.
also(finding, related) := object.union(finding, {"related": related})
