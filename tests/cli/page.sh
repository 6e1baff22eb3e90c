# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What stands on a page, and where: files that `pdftotext -bbox` wrote.

# Each word behind its left, upper, right and lower end, in points.
words() {
	sed -n 's/.*xMin="\([^"]*\)" yMin="\([^"]*\)" xMax="\([^"]*\)" yMax="\([^"]*\)">\(.*\)<.word>/\1 \2 \3 \4 \5/p' "$1"
}

has_words() {
	local word
	for word in "${@:2}"; do
		words "$1" | grep -q " $word\$" || { echo "no $word"; return 1; }
	done
}

# Of many words no two on one another.
overlap_free() {
	words "$1" | awk '{ for (i = 1; i < NR; i++)
		if ($1 < c[i] - .5 && a[i] < $3 - .5 && $2 < d[i] - .5 &&
			b[i] < $4 - .5) { print $5, "on", w[i]; bad = 1 }
		a[NR] = $1; b[NR] = $2; c[NR] = $3; d[NR] = $4; w[NR] = $5 }
		END { exit bad || NR < 20 }'
}
