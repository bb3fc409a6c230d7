"""The forward pass: this project's trace against onnxruntime, alternately in one run, with the same number of threads.

    python bench/forward.py --models resnet18,mobilenet_v2 --threads 2

Prints the median time of each and their ratio, netfold's over onnxruntime's. The sides take turns of four runs with a
pause before each, because threads of either side spin for a while before they sleep; the first run of a turn, which wakes
them, does not count. Needs what compare.py needs.
"""

import argparse
import os
import statistics
import sys
import time

from compare import HERE, LARGE, PAUSE, SMALL, ZOO, Process

# Runs of a turn, of which the first does not count.
TURN = 4


def measure(paths, threads, options):
    import numpy as np
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(paths[0], settings, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: np.load(paths[1]).astype(np.float32)}
    rows = Process([options.program, *paths, "1", "f32"], threads)
    ours, theirs = [], []
    for _ in range(options.turns):
        time.sleep(PAUSE)
        ours += [float(answer) for answer in rows.answers(f"trace {TURN}", TURN)[1:]]
        time.sleep(PAUSE)
        spent = []
        for _ in range(TURN):
            start = time.perf_counter()
            session.run(None, feed)
            spent.append(time.perf_counter() - start)
        theirs += spent[1:]
    rows.close()
    return statistics.median(theirs), statistics.median(ours)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
    parser.add_argument("--models", default=",".join(LARGE + SMALL), help="names, or `small`, or `large`")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=8, help="turns of each side")
    parser.add_argument("--program", default=os.path.join(target, "release", "examples", "rows"), help="the example `rows`")
    parser.add_argument("--exports", default=os.path.join(HERE, "exports"), help="where exported networks are kept")
    parser.add_argument("--zoo", default=ZOO, help="the folder of trained networks [default: NETFOLD_ZOO, or ../shared/zoo from the checkout]")
    options = parser.parse_args()
    sys.path.insert(0, HERE)
    import models

    print("| network | threads | onnxruntime ms | netfold ms | ratio |\n| --- | --- | --- | --- | --- |")
    for name in {"small": SMALL, "large": LARGE}.get(options.models, options.models.split(",")):
        theirs, ours = measure(models.find(name, options.exports, options.zoo), options.threads, options)
        print(f"| {name} | {options.threads} | {1e3 * theirs:.1f} | {1e3 * ours:.1f} | {ours / theirs:.2f} |", flush=True)


if __name__ == "__main__":
    main()
