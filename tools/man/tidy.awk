# SPDX-License-Identifier: GPL-2.0-or-later
# What scdoc writes, as mandoc's lint wants it: no paragraph where none can be,
# a title in capitals, text in lines of 80 bytes. Nothing that is shown changes.
function text(line,   at) {
	while (length(line) > 80) {
		for (at = 80; at && substr(line, at, 1) != " "; at--)
			;
		# A word is no request because it comes first in a line.
		if (!at || substr(line, at + 1) ~ /^[.']/)
			break
		print substr(line, 1, at - 1)
		line = substr(line, at + 1)
	}
	print line
}
/^\.TH "/ {
	split($0, part, "\"")
	sub(/"[^"]*"/, "\"" toupper(part[2]) "\"")
}
/^\.nf/ { is_literal = 1 }
/^\.fi/ { is_literal = 0 }
/^\.PP?$/ { waits = $0; next }
# The gap at the end of an indented part comes behind it.
/^\.RE/ { print; next }
{
	if (waits && !is_start && !/^\.(SH|SS)/)
		print waits
	waits = ""
	if (/^\./ || is_literal)
		print
	else
		text($0)
	is_start = /^\.(SH|SS|TH)/
}
