// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of line data that goes with the program.
 *
 * Its text is the very file that is installed beside the methods, taken in as
 * the program is built, so that a method of any folder has it and a file that
 * is edited later does not change what a version stands for.
 */
#include "assay/line_data.h"

__asm__(".pushsection .rodata\n"
	".global line_data_built_in\n"
	"line_data_built_in:\n"
	".incbin \"daemon/methods/line-data.csv\"\n"
	".byte 0\n"
	".popsection\n");
