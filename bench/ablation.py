"""What each loop over whole tensors is worth: the time without it, over the time with it.

    cargo build --release -p netfold --example rows --features ablation
    python bench/ablation.py

One loop after another is switched off by NETFOLD_WITHOUT, for each instruction set of the processor. Another loop then
computes the same products. Both programs take turns (bench/pairs.py). Prints the medians of the ratios with 95 % intervals,
for the forward pass and for one row of W. A ratio of 1.10 says that the network takes 10 % longer without the loop.

A loop does not earn its lines if its interval ends below 1.03 on every network, for every instruction set.
"""

import argparse
import os
import sys

from compare import HERE, ZOO, Process
from pairs import interval, ratios

LOOPS = "channels_last few_channels depthwise winograd winograd_channels argmax_pool gemv".split()
NETWORKS = "resnet18 mobilenet_v2 squeezenet1_1 cifar_resnet20 imagenet_efficientnet_lite0".split()
ISAS = ["portable", "avx2", "avx512"]


def started(program, paths, threads, isa, without="", rows="1"):
    os.environ["NETFOLD_ISA"], os.environ["NETFOLD_WITHOUT"] = isa, without
    return Process([program, *paths, rows, "f32"], threads)


def known(program, paths, isa):
    try:
        started(program, paths, 1, isa).close()
    except RuntimeError:
        return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
    parser.add_argument("--loops", nargs="+", choices=LOOPS, default=LOOPS)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--isas", nargs="+", choices=ISAS, default=ISAS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--program", default=os.path.join(target, "release", "examples", "rows"))
    parser.add_argument("--exports", default=os.path.join(HERE, "exports"), help="where exported networks are kept")
    options = parser.parse_args()
    import models

    paths = {name: models.find(name, options.exports, ZOO) for name in options.networks}
    isas = [isa for isa in options.isas if known(options.program, paths[options.networks[0]], isa)]
    print("| instructions | without | " + " | ".join(f"{name}: forward | row" for name in options.networks) + " |")
    print("| --- | --- |" + " --- | --- |" * len(options.networks))
    for isa in isas:
        for loop in options.loops:
            cells = []
            for name in options.networks:
                whole = started(options.program, paths[name], options.threads, isa)
                without = started(options.program, paths[name], options.threads, isa, loop)
                for measured in ratios(whole, without, options.pairs):
                    middle, low, high = interval(measured)
                    cells.append(f"{middle:.2f} ({low:.2f}–{high:.2f})")
                whole.close()
                without.close()
            print(f"| {isa} | `{loop}` | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
