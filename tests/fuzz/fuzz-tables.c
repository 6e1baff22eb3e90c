// SPDX-License-Identifier: GPL-2.0-or-later
/* The tables of a method: tube output, detector response, line data. */
#include "assay/tables.h"

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct method_detector detector;
	static struct method_tube tube;
	struct line_data lines = { 0 };
	struct method_error err = { 0 };
	struct fuzz_file f;

	fuzz_file_open(&f, data, size);
	if (tables_load_tube(FUZZ_FOLDER "x", f.name, &tube, &err) < 0)
		MUST(err.why[0]);
	else
		MUST(tube.n_flux <= METHOD_MAX_FLUX &&
		     tube.n_lines <= METHOD_MAX_TUBE_LINES);
	memset(&err, 0, sizeof(err));
	if (tables_load_response(FUZZ_FOLDER "x", f.name, &detector, &err) < 0)
		MUST(err.why[0]);
	else
		MUST(detector.n_shape <= METHOD_MAX_SHAPE);
	memset(&err, 0, sizeof(err));
	if (tables_load_line_data(FUZZ_FOLDER "x", f.name, &lines, &err) < 0)
		MUST(err.why[0]);
	else
		MUST(lines.n <= LINE_DATA_MAX && lines.version[0]);
	fuzz_file_close(&f);
	return 0;
}
