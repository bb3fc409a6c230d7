"""Rows of W: this project against PyTorch, alternately in one run, on the same weights and the same input.

    python bench/compare.py --models resnet18,mobilenet_v2 --k 1,10,100,1000 --threads 2

Both times go from the input to K rows of the Jacobian, the forward pass included. PyTorch's time is that of the best of
several ways, found in a short trial before the run: a loop of backward passes, vmap over the vector-Jacobian product,
jacrev with several chunk sizes, each with and without channels last. Needs torch, torchvision, onnx, and the example
`rows` built with `cargo build --release -p netfold --example rows`.

The sides take turns of 20 ms or one run, whichever is longer: a run of a millisecond right after the other side's would
be timed with that one's data in the caches. Between turns there is a pause, because threads of either side spin for a
while before they sleep, on the cores that the other one is timed on; of a turn of several runs the first one, which
wakes them, does not count.

The ratio is of medians of wall-clock times. On a machine that does other work too, the ratio of the seconds that all
threads computed is steadier; with one thread it says the same.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ZOO = os.path.join(HERE, "..", os.environ.get("NETFOLD_ZOO", "../shared/zoo"))
sys.path.insert(0, HERE)
SMALL = (
    "mnist_cntk_opt mnist_digit_recognizer cifar_captum_lenet cifar_marabou_nhwc cifar_mlperf_resnet8 cifar_oval_deep "
    "cifar_resnet2b cifar_resnet20 cifar_resnet20_unfused_bn person_mlperf_vww_mobilenetv1"
).split()
LARGE = "resnet18 resnet50 vgg16 mobilenet_v2 squeezenet1_1 alexnet imagenet_efficientnet_lite0".split()


# Seconds between turns.
PAUSE = 0.03


class Process:
    """A program that answers lines with lines."""

    def __init__(self, command, threads):
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{command[0]} did not start")

    def ask(self, line):
        (answer,) = self.answers(line, 1)
        return answer

    def answers(self, line, count):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answers = [self.process.stdout.readline().strip() for _ in range(count)]
        if not all(answers):
            raise RuntimeError(f"no answer to `{line}`")
        return answers

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def peak_megabytes():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM:"))


def serve_torch(path, input_path, k, dtype, threads, best=None):
    """The PyTorch side, in a process of its own so that its memory is its own."""
    import numpy as np
    import torch

    from graph import Graph

    torch.set_num_threads(threads)
    kind = torch.float64 if dtype == "f64" else torch.float32
    x = torch.from_numpy(np.load(input_path)).to(kind)
    with torch.no_grad():
        graph = Graph(path, x, kind)

    def logits(x):
        return graph(x).reshape(-1)[:k]

    def loop(_):
        z = x.clone().requires_grad_(True)
        y = logits(z)
        for i in range(k):
            yield torch.autograd.grad(y[i], z, retain_graph=i + 1 < k)[0]

    def batched(chunk):
        y, pull = torch.func.vjp(logits, x)
        eye = torch.eye(k, dtype=kind)
        for i in range(0, k, chunk):
            yield torch.func.vmap(lambda s: pull(s)[0])(eye[i : i + chunk])

    def jacrev(chunk):
        yield torch.func.jacrev(logits, chunk_size=chunk)(x)

    def last(make, chunk, on):
        graph.channels_last(on)
        for rows in make(chunk):
            pass
        return rows

    methods = {"loop": (loop, 1, False), "loop, channels last": (loop, 1, True)}
    for chunk in (1, 2, 4, 8, 16, 32, 64):
        if 1 < chunk and chunk // 2 < k:
            methods[f"vmap(vjp), {chunk}"] = (batched, chunk, False)
            methods[f"vmap(vjp), {chunk}, channels last"] = (batched, chunk, True)
    for chunk in (4, 16, 64):
        if chunk // 2 < k:
            methods[f"jacrev, {chunk}"] = (jacrev, chunk, False)
    print("ready", flush=True)
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "choose":
            # Many rows cost what their chunks cost: a few chunks are enough to find the best way.
            whole, k = k, min(k, 64)
            times = {}
            for round_ in range(2):
                for name, method in methods.items():
                    start = time.perf_counter()
                    last(*method)
                    spent = time.perf_counter() - start
                    times[name] = min(spent, times.get(name, spent))
            k = whole
            best = min(times, key=times.get)
            print(best, flush=True)
        elif word == "run":
            for _ in range(int(rest)):
                start, computed = time.perf_counter(), time.process_time()
                last(*methods[best])
                print(time.perf_counter() - start, time.process_time() - computed, flush=True)
        elif word == "memory":
            print(peak_megabytes(), flush=True)
        elif word == "save":
            np.concatenate([r.detach().reshape(-1, x.numel()).numpy() for r in methods[best][0](methods[best][1])]).tofile(rest)
            print("saved", flush=True)


def turn(side, count):
    """So many runs of one side, one right after the other."""
    time.sleep(PAUSE)
    if count > 1:
        side.ask("run 1")
    return [[float(number) for number in answer.split()] for answer in side.answers(f"run {count}", count)]


def measure(name, paths, k, threads, options):
    import models

    program = options.program or os.path.join(
        os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target")), "release", "examples", "rows"
    )
    rows = Process([program, *paths, str(k), options.dtype], threads)
    # A chooser of its own: trials with large chunks must not count as the best way's memory.
    method = options.method
    if not method:
        chooser = Process([sys.executable, __file__, "--serve", *paths, str(k), options.dtype, str(threads)], threads)
        method = chooser.ask("choose")
        chooser.close()
    torch = Process([sys.executable, __file__, "--serve", *paths, str(k), options.dtype, str(threads), method], threads)
    result = {"model": name, "k": k, "threads": threads, "dtype": options.dtype, "torch_method": method}
    if options.check:
        result["difference"] = check(rows, torch, k, options.dtype)
    ours, theirs, parts, computed, turns = [], [], [], [], 0
    # As many runs a turn as the trial says.
    counts = [max(1, round(options.turn / turn(side, 1)[0][0])) if options.warm else 1 for side in (rows, torch)]
    start = time.perf_counter()
    while turns < options.runs or (time.perf_counter() - start < options.seconds and turns < 50):
        turns += 1
        for made in turn(rows, counts[0]):
            parts.append(made)
            ours.append(made[0])
        for spent, theirs_computed in turn(torch, counts[1]):
            theirs.append(spent)
            computed.append(theirs_computed)
        if time.perf_counter() - start > options.limit and turns >= 3:
            break
    middle = sorted(parts)[len(parts) // 2]
    result |= {
        "torch_s": statistics.median(theirs),
        "netfold_s": statistics.median(ours),
        "ratio": statistics.median(theirs) / statistics.median(ours),
        "ratio_of_minima": min(theirs) / min(ours),
        "ratio_computed": min(computed) / min(part[5] for part in parts),
        "torch_min_s": min(theirs),
        "netfold_min_s": min(ours),
        "torch_peak_mb": int(torch.ask("memory")),
        "netfold_peak_mb": int(rows.ask("memory")),
        "netfold_parts_s": dict(zip(("trace", "freeze", "plan", "rows"), middle[1:5])),
        "runs": len(ours),
    }
    if options.probes:
        spent, columns, whole = rows.ask(f"probe {options.probes}").split()
        # Columns cost the same each: some of them tell what all of them take.
        result["netfold_columns_s"] = float(spent) / int(columns) * int(whole)
    if options.density or name in models.TORCHVISION:
        result["density"] = [layer.split(":") for layer in rows.ask("density").split("|") if layer]
    rows.close()
    torch.close()
    return result


def check(rows, torch, k, dtype):
    """The largest difference of the two sides' rows over the largest weight. In f32 a few masks may differ."""
    import numpy as np

    with tempfile.TemporaryDirectory() as directory:
        ours, theirs = os.path.join(directory, "a"), os.path.join(directory, "b")
        rows.ask(f"save {ours}")
        torch.ask(f"save {theirs}")
        kind = np.float64 if dtype == "f64" else np.float32
        a, b = np.fromfile(ours, kind).reshape(k, -1), np.fromfile(theirs, kind).reshape(k, -1)
        return float(np.abs(a - b).max() / np.abs(b).max())


def show(result):
    parts = " ".join(f"{name} {1e3 * s:.1f}" for name, s in result["netfold_parts_s"].items())
    print(
        f"| {result['model']} | {result['k']} | {result['threads']} | {1e3 * result['torch_s']:.1f} | "
        f"{1e3 * result['netfold_s']:.1f} | {result['ratio']:.2f} | {result['ratio_of_minima']:.2f} | {result['ratio_computed']:.2f} | "
        f"{result['torch_peak_mb']} | {result['netfold_peak_mb']} | {result['torch_method']} | {parts} |"
        + (f" difference {result['difference']:.1e}" if "difference" in result else "")
        + (f" all columns by probes {result['netfold_columns_s']:.1f} s" if "netfold_columns_s" in result else ""),
        flush=True,
    )
    for node, input_shape, read, output_shape, kept in result.get("density", []):
        print(f"    {node}: stored of its input {input_shape} {read}, of its output {output_shape} {kept}", flush=True)


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--serve":
        path, input_path, k, dtype, threads, *method = sys.argv[2:]
        return serve_torch(path, input_path, int(k), dtype, int(threads), *method)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(LARGE + SMALL), help="names, or `small`, or `large`")
    parser.add_argument("--k", default="1,2,10,100,1000", help="numbers of classes; more than a network has are cut")
    parser.add_argument("--threads", default="2", help="1, 2 or 1,2")
    parser.add_argument("--dtype", default="f32", choices=("f32", "f64"))
    parser.add_argument("--runs", type=int, default=5, help="runs of each side at least")
    parser.add_argument("--seconds", type=float, default=3.0, help="more runs until this time is over")
    parser.add_argument("--turn", type=float, default=0.02, help="seconds that each side runs before the other one does, or one run")
    parser.add_argument("--cold", dest="warm", action="store_false", help="no run before the timed ones")
    parser.add_argument("--limit", type=float, default=60.0, help="no more than three runs beyond this time")
    parser.add_argument("--method", help="PyTorch's way, if it is known, as the table names it")
    parser.add_argument("--check", action="store_true", help="compare the rows themselves")
    parser.add_argument("--density", action="store_true", help="print each convolution's share of stored elements for all networks, not only for those with seeded weights")
    parser.add_argument("--probes", type=int, default=0, help="time so many columns by forward probes, too")
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument("--program", help="the example `rows`, if it is not in the target directory")
    parser.add_argument("--exports", default=os.path.join(HERE, "exports"), help="where exported networks are kept")
    parser.add_argument("--zoo", default=ZOO, help="the folder of trained networks [default: NETFOLD_ZOO, or ../shared/zoo from the checkout]")
    options = parser.parse_args()
    import numpy as np
    import onnxruntime

    import models

    names = {"small": SMALL, "large": LARGE}.get(options.models, options.models.split(","))
    results = []
    if not options.json:
        print("| network | K | threads | PyTorch ms | netfold ms | ratio | of minima | of computed seconds | PyTorch MB | netfold MB | PyTorch's best | parts ms |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in names:
        paths = models.find(name, options.exports, options.zoo)
        session = onnxruntime.InferenceSession(paths[0], providers=["CPUExecutionProvider"])
        sample = np.load(paths[1])
        classes = session.run(None, {session.get_inputs()[0].name: sample.astype(np.float32)})[0].size
        del session
        for k in sorted({min(int(k), classes) for k in options.k.split(",")}):
            for threads in (int(t) for t in options.threads.split(",")):
                results.append(measure(name, paths, k, threads, options))
                if not options.json:
                    show(results[-1])
    if options.json:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
