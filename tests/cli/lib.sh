# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# TAP and claims for the tests of the command line; sourced, not run.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
out=${O:-$top/.build}
case $out in /*) ;; *) out=$top/$out ;; esac
reespec=$out/reespec
export LC_ALL=C.UTF-8 TZ=UTC NO_COLOR=1
export REESPEC_METHODS=$top/daemon/methods
unset DBUS_SYSTEM_BUS_ADDRESS

work=$(mktemp -d)
# Not what is known on the machine that runs the tests.
export REESPEC_KEYS=$work/keys
tap_n=0
pids=()

# What the test started ends with it, by its own numbers.
finish() {
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	rm -rf "$work"
}
trap finish EXIT

skip_all() {
	echo "1..0 # SKIP $*"
	exit 4
}

ok() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n $1"
}

not_ok() {
	tap_n=$((tap_n + 1))
	echo "not ok $tap_n $1"
	shift
	[ $# -eq 0 ] || printf '%s\n' "$@" | cut -c1-300 | head -n 40 |
		sed 's/^/# /'
}

skip() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n $1 # SKIP $2"
}

# claim NAME COMMAND...: the command succeeds.
claim() {
	local name=$1 said
	shift
	if said=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name" "$* ended with $?" "$said"
	fi
}

# Runs reespec; leaves $status, $work/out and $work/err.
run() {
	"$reespec" "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
}

# ends NAME STATUS [PATTERN] -- ARGUMENT...: reespec ends with STATUS and
# stdout or stderr match the extended regular expression; a failure says
# exactly one thing: every line of stderr begins with the program's name.
ends() {
	local name=$1 wanted=$2 pattern=
	shift 2
	if [ "$1" != -- ]; then
		pattern=$1
		shift
	fi
	shift
	run "$@"
	if [ "$status" != "$wanted" ]; then
		not_ok "$name" "reespec $* ended with $status, not $wanted" \
			"$(cat "$work/out" "$work/err")"
	elif [ -n "$pattern" ] &&
		! cat "$work/out" "$work/err" | grep -Eq -- "$pattern"; then
		not_ok "$name" "reespec $* does not say: $pattern" \
			"$(cat "$work/out" "$work/err")"
	elif [ "$wanted" != 0 ] && ! grep -q '^reespec' "$work/err"; then
		not_ok "$name" "reespec $* gives no reason"
	else
		ok "$name"
	fi
}

# json NAME FILTER: the last output is JSON for which the filter is true.
json() {
	# jq 1.6 is content with nothing at all.
	if [ -s "$work/out" ] &&
		jq -e "$2" "$work/out" >/dev/null 2>"$work/jq"; then
		ok "$1"
	else
		not_ok "$1" "not so: $2" "$(head -c 2000 "$work/out")" \
			"$(cat "$work/jq")"
	fi
}

# wait_for SECONDS COMMAND...: until the command succeeds; for conditions that
# nothing announces.
wait_for() {
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $until ] || return 1
		read -rt 0.05 <> <(:) || :
	done
}

done_testing() {
	echo "1..$tap_n"
}
