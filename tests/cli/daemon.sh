# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # of lib.sh, sourced before
# A bus of its own, an emulator on its socket and the real daemon between.
# $bus_policy, when set, is more policy for the bus.

reespecd=$out/reespecd
dp5emu=$out/dp5emu
bus=unix:path=$work/bus
state=$work/state
emu_socket=$work/emu.socket
emu_control=$work/emu.control
emu_pid=
daemon_pid=

emu() {
	"$dp5emu" ctl --control "$emu_control" "$@"
}

start_bus() {
	cat >"$work/bus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>$bus</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
    ${bus_policy-}
  </policy>
</busconfig>
END
	dbus-daemon --config-file="$work/bus.conf" --nofork --nopidfile \
		--nosyslog --print-address=3 3>"$work/address" \
		2>"$work/bus.log" &
	pids+=($!)
	wait_for 10 test -s "$work/address"
	export DBUS_SYSTEM_BUS_ADDRESS=$bus
}

# The ore at the gain it was counted with, ten times as fast, cold at once.
start_emu() {
	"$dp5emu" --spectrum "$top/tests/data/BST-ORE.mca" --seed 7 \
		--socket "$emu_socket" --control "$emu_control" \
		--settle 0 --time-scale "${EMU_SPEED:-10}" "$@" \
		>"$work/emu.log" 2>&1 &
	emu_pid=$!
	pids+=($!)
	wait_for 10 test -S "$emu_socket"
}

stop_emu() {
	kill "$emu_pid"
	wait "$emu_pid" 2>/dev/null
}

# The methods there are, one that asks for more counts than there are atoms in
# the pellet's surface, and one with a mistake.
make_methods() {
	methods=$work/methods
	cp -r "$top/daemon/methods" "$methods"
	sed 's/^name = .*/name = strict/; s/^min_counts = .*/min_counts = 1e12/' \
		"$methods/ore-l.ini" >"$methods/strict.ini"
	sed 's/^name = .*/name = broken/; /^\[fit\]/a frob = 1' \
		"$methods/ore-l.ini" >"$methods/broken.ini"
	export REESPEC_METHODS=$methods
}

# More options of the daemon may be given.
start_daemon() {
	mkdir -p "$state"
	[ -n "${methods-}" ] || make_methods
	"$reespecd" --bus "$bus" --state "$state" \
		--methods "$methods" \
		--instrument "socket:$emu_socket" "$@" >>"$work/daemon.log" 2>&1 &
	daemon_pid=$!
	pids+=($!)
	wait_for 20 busctl --address="$bus" status org.reespec1
}

stop_daemon() {
	kill "${1:--TERM}" "$daemon_pid"
	wait "$daemon_pid" 2>/dev/null
}

instrument_is() {
	"$reespec" list --json | jq -es --arg state "$1" \
		'.[0].spectrometers[0].State == $state'
}

# Live seconds counted so far are at least $1.
counts_for() {
	"$reespec" status --json | jq -es --argjson s "$1" '.[0].assays[0]
		| .State == "measuring" and .Progress.live_s >= $s'
}

# Others may talk on the bus, by $work/reespec.
open_to_others() {
	chmod 711 "$work"
	chmod 777 "$work/bus"
	cp "$reespec" "$work/reespec"
}

# groups [MEMBER,...]: of reespec, in the file that `as` shows.
# as OPTION... COMMAND...: as whom setpriv makes it, with these groups in place
# of the machine's.
groups() {
	{
		grep -v '^reespec' /etc/group
		printf '%s\n' "reespec:x:64001:$1" reespec-operator:x:64002:
	} >"$work/group"
	chmod 644 "$work/group"
}

as() {
	# shellcheck disable=SC2016 # for sh
	unshare -m sh -c 'mount --bind "$0" /etc/group; exec setpriv "$@"' \
		"$work/group" "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
}

# Denied, and told so.
says() {
	if [ "$status" != 4 ] || ! grep -q -- "$1" "$work/err"; then
		cat "$work/err"
		return 1
	fi
}
