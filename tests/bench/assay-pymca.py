#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""assay-pymca.py METHOD.ini SPECTRUM.mca TRUTH.csv: the peer of `assay`.

PyMca fits the same spectrum over the same range with the elements of the
method: Gaussian lines, escape peaks, scatter of the tube's lines, a linear
polynomial of order 8 as background, energy scale and width free. It is given
the true composition as matrix and the tube's table in few energies. It ends
with areas of lines; contents, overlaps and uncertainties are not asked of it.
"""
import configparser
import csv
import os
import sys
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
import PyMca5
from PyMca5 import PyMcaDataDir
from PyMca5.PyMcaIO import ConfigDict
from PyMca5.PyMcaPhysics.xrf import ClassMcaTheory

method_path, spectrum_path, truth_path = sys.argv[1:4]
method = configparser.ConfigParser(delimiters="=", strict=False)
method.optionxform = str
method.read(method_path)
gain = float(method["acquisition"]["kev_per_chan"])
zero = float(method["acquisition"]["zero_kev"])
low, high = (float(method["fit"][k]) for k in ("low_kev", "high_kev"))
first, last = (round((e - zero) / gain) for e in (low, high))
lines = {e: v.split()[0] for e, v in method["elements"].items()}

text = open(spectrum_path, encoding="cp1252").read()
text = text.split("<<DATA>>")[1].split("<<END>>")[0]
counts = np.array(text.split(), dtype=float)
truth = {r["element"]: float(r["mass_fraction_ppm"]) * 1e-6
         for r in csv.DictReader(open(truth_path))}

# The tube: the continuum in bins, and the strong lines, which scatter visibly.
table = os.path.join(os.path.dirname(method_path), method["tube"]["table"])
rows = [r.split(",") for r in open(table) if r[0] in "cl" and "kind" not in r]
flux = [(float(e), float(f) * (0.1 if kind == "continuum" else 1), kind)
        for kind, e, f in rows]
strong = 0.03 * max(f for _, f, kind in flux if kind == "line")
edges = [2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 9, 11, 13, 15, 17, 19, 21, 24, 28, 34,
         40, 50]
energy, weight, scatter = [], [], []
for a, b in zip(edges[:-1], edges[1:]):
    part = [(e, f) for e, f, kind in flux
            if a <= e < b and kind == "continuum"]
    total = sum(f for _, f in part)
    energy.append(sum(e * f for e, f in part) / total)
    weight.append(total)
    scatter.append(0)
for e, f, kind in flux:
    if kind == "line" and f > strong:
        energy.append(e)
        weight.append(f)
        scatter.append(1)
weight = [w / sum(weight) for w in weight]

config = ConfigDict.ConfigDict()
config.read(os.path.join(PyMcaDataDir.PYMCA_DATA_DIR, "Steel.cfg"))
config["peaks"] = lines
config["materials"]["ORE"] = {
    "Comment": "", "Density": 2.5, "Thickness": 0.5,
    "CompoundList": [e + "1" for e in truth],
    "CompoundFraction": list(truth.values())}
config["attenuators"].update({
    "atmosphere": [1, "Air", 0.0012048, 1.414, 1.0],
    "BeamFilter0": [0, "-", 0, 0, 1.0],
    "Matrix": [1, "ORE", 2.5, 0.5, 45.0, 45.0, 0, 90.0],
    "window": [1, "Be1", 1.848, 0.00125, 1.0],
    "Detector": [1, "Si1", 2.33, 0.05, 1.0]})
config["detector"].update({
    "zero": zero, "gain": gain, "noise": 0.0613, "fano": 0.115, "sum": 0.0,
    "deltazero": 0.05, "deltagain": 1e-4, "deltanoise": 0.03,
    "deltafano": 0.03, "fixedzero": 0, "fixedgain": 0, "fixednoise": 0,
    "fixedfano": 0, "fixedsum": 1})
fit = config["fit"]
fit.update({
    "xmin": first, "xmax": last, "energy": energy, "energyweight": weight,
    "energyflag": [1] * len(energy), "energyscatter": scatter,
    "scatterflag": 1, "stripflag": 0, "continuum": 4, "linpolorder": 8,
    "hypermetflag": 1, "sumflag": 0, "escapeflag": 1, "use_limit": 1,
    "maxiter": 10, "fitweight": 1, "linearfitflag": 0})

t0 = time.process_time()
theory = ClassMcaTheory.McaTheory()
theory.configure(config)
t1 = time.process_time()
theory.setData(np.arange(len(counts), dtype=float), counts, xmin=first,
               xmax=last)
theory.estimate()
_, digest = theory.startfit(digest=1)
t2 = time.process_time()
print("tables of a method, CPU ms\tPyMca\t%.1f" % (1e3 * (t1 - t0)))
print("one spectrum, CPU ms\tPyMca\t%.1f" % (1e3 * (t2 - t1)))
print("# PyMca %s: %d elements, channels %d to %d, %d parameters, chi2 %.2f" %
      (PyMca5.version(), len(lines), first, last, len(digest["parameters"]),
       digest["chisq"]))
