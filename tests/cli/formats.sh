# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # of lib.sh and of who sources this
# The counts of $ore in every other format we read, under names that say
# nothing: 2048 channels of 25 eV, channel 0 at 12.5 eV.

counts() {
	tr -d '\r' <"$ore" | sed -n '/<<DATA>>/,/<<END>>/{/^[0-9]/p}'
}

value() {
	tr -d '\r' <"$ore" | sed -n "s/^$1 - //p"
}

# To $work/as-spe, as-msa and as-csv; leaves $live and $real.
write_formats() {
	live=$(value LIVE_TIME) real=$(value REAL_TIME)
	{
		printf '%s\n' "\$SPEC_ID:" BST-ORE "\$MEAS_TIM:" "$live $real" \
			"\$DATA:" '0 2047'
		counts | paste -sd '        \n'
		printf '%s\n' "\$MCA_CAL:" 3 '0.0125 0.025 0 keV'
	} >"$work/as-spe"
	{
		printf '#%-12s: %s\n' FORMAT 'EMSA/MAS SPECTRAL DATA FILE' \
			TITLE BST-ORE NPOINTS 2048 NCOLUMNS 4 XUNITS keV DATATYPE Y \
			XPERCHAN 0.025 OFFSET 0.0125 'LIVETIME  -s' "$live" \
			'REALTIME  -s' "$real" SPECTRUM ''
		counts | sed 's/$/.0/' | paste -sd ',,,\n'
		printf '#%-12s:\n' ENDOFDATA
	} >"$work/as-msa"
	{
		printf '# %s: %s\n' sample BST-ORE live_s "$live" real_s "$real"
		echo 'energy_kev,counts'
		counts | awk '{ printf "%.4f,%s\n", 0.0125 + 0.025 * (NR - 1), $1 }'
	} >"$work/as-csv"
}
