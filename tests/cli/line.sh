# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # of lib.sh and daemon.sh
# A belt for the tests of `reespec line`: method, settings of the lines, the
# command beside it, and pellets. One is known by its live time: the gate is
# open for a time of its own.

for tool in dbus-daemon jq perl; do
	command -v $tool >/dev/null || skip_all "no $tool"
done
[ -x "$reespecd" ] || skip_all "no reespecd"

# Of half as many slots as ore-l, 32, so that a belt of twenty starts them again.
make_methods
sed 's/^name = .*/name = belt/; s/MCAC=2048/MCAC=4096/
	s/^zero_kev = .*/zero_kev = 0.00625/
	s/^kev_per_chan = .*/kev_per_chan = 0.0125/
	s/^min_counts = .*/min_counts = 10000/
	/^\[accept\]/a fail_when = P(TREO < 0.5 %) > 5 %\nbin_by = TREO 1 2 4 20 %' \
	"$methods/ore-l.ini" >"$methods/belt.ini"
cat >"$work/reespecd.conf" <<'END_OF_FILE'
[io]
instrument = 38563
gate = low
aux_out1 = measuring
io0 = ready
io1 = done
io2 = pass
io3 = grade4
END_OF_FILE

# A worklist of so many pellets.
list() {
	echo sample,lot >"$work/$1.csv"
	for ((i = 1; i <= $2; i++)); do
		echo "$1-$i,7"
	done >>"$work/$1.csv"
}

# line NAME [OPTION]...: the command in the background, once it is ready.
line() {
	rm -f "$work/rows" "$work/said"
	# A belt before may be ending still.
	wait_for 60 instrument_is idle
	"$reespec" line "$work/$1.csv" --method belt "${@:2}" \
		>"$work/rows" 2>"$work/said" &
	line_pid=$!
	pids+=($!)
	wait_for 120 grep -q '^ready' "$work/said"
}

# How the command ended, within some time.
ended() {
	wait_for 300 sh -c "! kill -0 $line_pid"
	wait "$line_pid"
}

# ends_as STATUS WANTED: what the command said is shown where they differ.
ends_as() {
	[ "$1" = "$2" ] && return
	echo "it ended with $1"
	cat "$work/said"
	return 1
}

# One connection to the emulator: a program for each word of a belt would take
# longer than the belt.
start_ctl() {
	coproc CTL {
		exec perl -MIO::Socket::UNIX -e '$| = 1;
			$s = IO::Socket::UNIX->new(Peer => shift) or die;
			while (<STDIN>) { $s->print($_); $s->flush;
				print scalar <$s>; }' "$emu_control"
	}
	pids+=("$CTL_PID")
}

# ctl WORD...: its answer is left in $said.
ctl() {
	echo "$*" >&"${CTL[1]}"
	read -r said <&"${CTL[0]}"
}

# value KEY COMMAND: of what the emulator lists.
value() {
	ctl "$2"
	said=" $said "
	said=${said#* "$1"=}
	said=${said%% *}
}

shows() {
	value "${1%%=*}" lines
	[ "$said" = "${1#*=}" ]
}

# edges; then edges_are N: how often `done` has changed since.
edges() {
	value io_changes lines
	IFS=, read -r _ edges _ <<<"$said"
}

edges_are() {
	local before=$edges now
	edges
	now=$edges
	edges=$before
	[ $((now - before)) = "$1" ]
}

counted() {
	value acc_s status
	[ "${said%.*}" -ge 1 ]
}

# A pellet under the beam for a second and more, each another one.
expose() {
	ctl aux 1 1
	wait_for 60 counted
	ctl aux 1 0
	value acc_s status
	echo "$said" >>"$work/lives"
}

pellet() {
	expose
	ctl pulse 2
}

more() {
	local i
	for ((i = 0; i < $1; i++)); do
		pellet
	done
}

belt() {
	: >"$work/lives"
	more "$1"
}

has_row() { [ -s "$work/rows" ]; }

results() {
	"$reespec" log --kind result --json -n 200 | jq -c \
		"select(.keys.worklist == \"$1.csv\")"
}

# The first so many rows have the live times of their pellets, which the
# emulator rounds and the instrument cuts off.
same_lives() {
	results "$1" | jq -rs '[.[] | select(.state == "done")] |
		sort_by(.keys.row | sub("@.*"; "") | tonumber) | .[].live_s' |
		paste - <(head -n "$2" "$work/lives") |
		awk -v n="$2" '{ d = $2 - $1 } NF != 2 || d < -1e-6 || d > 0.0011 {
			bad = 1; print } END { exit bad || NR != n }'
}

# Every assay has one result, and every row of the list one that is done.
complete() {
	"$reespec" log --json -n 500 >"$work/all"
	jq -es --argjson n "$2" --arg list "$1.csv" '
		([.[] | select(.kind == "assay").seq] | sort) ==
		([.[] | select(.kind == "result").assay] | sort) and
		([.[] | select(.kind == "result" and .state == "done" and
			.keys.worklist == $list).keys.row |
			sub("@.*"; "") | tonumber] | sort) == [range(1; $n + 1)]' "$work/all"
}
