"""Two builds of this project: the time of the second over that of the first.

    python bench/versus.py BASE/release/examples/rows target/release/examples/rows

For each network and instruction set: the medians of the ratios with 95 % intervals, of the forward pass and of so many
rows of W. The builds take turns (bench/pairs.py).
"""

import argparse
import os
import sys

from ablation import ISAS, NETWORKS, known, started
from compare import HERE, ZOO
from pairs import interval, ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="the example `rows` of the first build")
    parser.add_argument("present", help="that of the second build")
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--isas", nargs="+", choices=ISAS, default=ISAS)
    parser.add_argument("--rows", nargs="+", default=["1", "10"], help="no more than a network has outputs")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--exports", default=os.path.join(HERE, "exports"), help="where exported networks are kept")
    options = parser.parse_args()
    import models

    print("| network | rows | instructions | forward pass | rows |\n| --- | --- | --- | --- | --- |")
    for name in options.networks:
        paths = models.find(name, options.exports, ZOO)
        for isa in (isa for isa in options.isas if known(options.present, paths, isa)):
            for rows in options.rows:
                sides = [started(program, paths, options.threads, isa, rows=rows) for program in (options.base, options.present)]
                cells = []
                for measured in ratios(*sides, options.pairs):
                    middle, low, high = interval(measured)
                    cells.append(f"{middle:.3f} ({low:.3f}–{high:.3f})")
                for side in sides:
                    side.close()
                print(f"| {name} | {rows} | {isa} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
