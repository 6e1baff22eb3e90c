# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # $here is the sourcing script's
# For tests of what is installed in a guest, which set $here and source this:
# claims, users, and what is asked of daemon and units.
ore=$here/../data/BST-ORE.mca
work=$(mktemp -d)
chmod 755 "$work"
n=0
failed=0

claim() {
	local name=$1 said
	shift
	n=$((n + 1))
	if said=$("$@" 2>&1); then
		echo "ok $n $name"
	else
		echo "not ok $n $name"
		printf '%s\n' "$*" "$said" | tail -n 30 | sed 's/^/# /'
		failed=1
	fi
}

# wait_for SECONDS COMMAND...: for what nothing announces here.
wait_for() {
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $until ] || { echo "waited in vain: $*"; return 1; }
		sleep 0.2
	done
}

as() {
	local user=$1
	shift
	runuser -u "$user" -- "$@"
}

# ends STATUS PATTERN COMMAND...: the command ends with STATUS and what it says
# matches the extended regular expression.
ends() {
	local wanted=$1 pattern=$2 said status
	shift 2
	said=$("$@" 2>&1 </dev/null)
	status=$?
	printf '%s\n' "$said"
	[ "$status" -eq "$wanted" ] || { echo "status $status, not $wanted"; return 1; }
	grep -Eq -- "$pattern" <<<"$said" || { echo "does not say: $pattern"; return 1; }
}

is() {
	local wanted=$1 got
	shift
	got=$("$@")
	[ "$got" = "$wanted" ] || { echo "'$got', not '$wanted'"; return 1; }
}

# prop PROPERTY [UNIT]
prop() {
	systemctl show -P "$1" "${2:-reespecd}.service"
}

# The daemon stopped, and what it was started for before forgotten: systemd allows
# five starts a minute, and a test stands for more than one day of an operator.
stop_daemon() {
	systemctl stop reespecd.service
	systemctl reset-failed reespecd.service 2>/dev/null
}

state_is() {
	reespec list --json | jq -e --arg s "$1" '.spectrometers[0].State == $s'
}

plug() {
	"$here/plug" --spectrum "$ore" --seed 5 --serial 4711 --speed 10 "$@"
}

measure() {
	as test-operator reespec assay "$@" --method ore-l --progress none
}

counting_for() {
	reespec status --json | jq -e --argjson s "$1" \
		'.assays[] | select(.State == "measuring") | .Progress.live_s >= $s'
}

# An assay in the background, whose output is file $2, comes to $1 s.
comes_to() {
	wait_for 300 counting_for "$1" && return
	cat "$2"
	reespec status
	journalctl -q --no-pager -n 20 -u reespecd
	return 1
}

last_seq() {
	busctl get-property org.reespec1 /org/reespec1 org.reespec1.Ledger Last |
		cut -d' ' -f2
}

# is_closed [UNIT]: what systemd itself says of it as it is loaded.
is_closed() {
	systemd-analyze security --no-pager --threshold=10 \
		"${1:-reespecd}.service" | tail -n 1
	return "${PIPESTATUS[0]}"
}

user_of() {
	ps -o user:32= -p "$(prop MainPID "$1")"
}

done_testing() {
	echo "1..$n"
	rm -rf "$work"
	exit $failed
}
