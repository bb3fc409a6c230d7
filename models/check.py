"""Exports real models, reconstructs each and compares; writes the table of docs/models.md.

    python check.py --netfold PROGRAM --work FOLDER [--suite SUITE]... [--only NAME]... [--double NAME]... [--zoo FOLDER]
    python check.py --netfold PROGRAM --work FOLDER --renew f32 [--only NAME]...
    python check.py --work FOLDER --report ../docs/models.md

Each model is exported by export.py in a process of its own, reconstructed under `gate` and `tangent` in single and
double precision, compared with onnxruntime, and deleted. FOLDER/results.jsonl holds one line a model; models that it
holds are not run again, so that a run can be stopped and taken up. Models named by --double, or `all`, are exported in
double precision too, and their row of W compared with PyTorch's gradient. --renew runs the models that are covered already once
more, in one precision, and keeps what is known of the other; --stamp names the program in the lines, to take up a run.
"""

import argparse
import importlib.metadata
import json
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import numpy

import export

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "bench"))
import graph  # noqa: E402

ZOO = pathlib.Path(__file__).parent.parent / os.environ.get("NETFOLD_ZOO", "../shared/zoo")
RULES = ("gate", "tangent")
LIMITS = {"f32": 1e-5, "f64": 1e-11}
# Of a row of W from PyTorch's gradient, both in double precision.
JACOBIAN = 1e-9
# Rows of W that are computed: as many as travel together.
ROWS = {"f32": 16, "f64": 8}
PATIENCE = 3600


def ask(netfold, *words):
    """What the program answers, or why it does not."""
    command = [netfold, *words, "--json"]
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return {"error": f"more than {PATIENCE} s"}
    if done.returncode in (0, 3):
        return json.loads(done.stdout)
    return {"error": done.stderr.strip()}


def chosen(model):
    """Words that name an output, where a model has several: the last one."""
    import onnx

    outputs = onnx.load(model).graph.output
    return ["--output", outputs[-1].name] if len(outputs) > 1 else []


def cut(model, left_off):
    """The model up to its logits: what the final nodes that netfold leaves off read."""
    import onnx

    loaded = onnx.load(model)
    output = loaded.graph.output[-1]
    for name in left_off[-1:]:
        (read,) = [node.input[0] for node in loaded.graph.node if name == node.name or name in node.output]
        output = onnx.ValueInfoProto(name=read)
    del loaded.graph.output[:]
    loaded.graph.output.append(output)
    return loaded


def judge(model, given, left_off):
    """onnxruntime's logits."""
    import onnxruntime

    loaded = cut(model, left_off)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(loaded.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    x = numpy.load(given)
    (logits,) = session.run(None, {taken.name: x.astype(numpy.float32) if taken.type == "tensor(float)" else x})
    return logits.reshape(-1)


def forward_difference(netfold, model, given):
    """The worst difference of all logits from onnxruntime's, divided by its largest."""
    (verified,) = ask(netfold, "verify", model, given, *chosen(model))["inputs"]
    expected = judge(model, given, verified["certificate"]["left_off"])
    return float(abs(numpy.array(verified["logits"]) - expected).max() / abs(expected).max())


def check(netfold, folder, line, precisions, double):
    """Fills the line of one exported model."""
    model, given = folder / "model.onnx", folder / "input.npy"
    for precision in precisions:
        kept = []
        for rule in RULES:
            words = ["--freeze", rule, "--precision", precision, "--top", ROWS[precision], *chosen(model)]
            result = ask(netfold, "reconstruct", model, given, *words)
            if "error" in result:
                line["error"] = result["error"]
                return
            certificate = result["certificate"]
            line[f"{rule} {precision}"] = certificate["worst_relative_difference"]
            kept.append(certificate["argmax"]["kept"])
            line["at this input"] = len(certificate["exact_at_this_input"])
        line[f"kept {precision}"] = all(kept)
        line[f"stamp {precision}"] = line["stamp"]
    if "f32" in precisions:
        line["onnxruntime"] = forward_difference(netfold, model, given)
    if double and line["exporter"] == "-":
        interpreted_gradient(folder, certificate["left_off"])
    if (folder / "jacobian.npy").exists():
        jacobian(netfold, folder, line)


def interpreted_gradient(folder, left_off):
    """PyTorch's gradient of a model that is no module of PyTorch: its graph is interpreted there."""
    import onnx
    import torch

    onnx.save(cut(folder / "model.onnx", left_off), folder / "model64.onnx")
    x = torch.from_numpy(numpy.load(folder / "input.npy")).double()
    try:
        export.gradient(torch, graph.Graph(folder / "model64.onnx", x, torch.float64), x, folder)
    except KeyError:  # An operator that the interpreter does not have.
        return


def jacobian(netfold, folder, line):
    """The worst difference of the winner's row of W from PyTorch's gradient, divided by its largest entry. Where they
    differ, also that of the row's slope along a direction from the central differences of PyTorch's own forward pass."""
    numpy.save(folder / "input64.npy", numpy.load(folder / "input.npy").astype(numpy.float64))
    out = folder / "out"
    words = ["--freeze", "tangent", "--precision", "f64", "--top", "1", "--out", out]
    result = ask(netfold, "reconstruct", folder / "model64.onnx", folder / "input64.npy", *words)
    if "error" in result:
        line["jacobian"] = result["error"]
        return
    with numpy.load(out / "reconstruction.npz") as arrays:
        row = arrays["weights"][0]
    expected = numpy.load(folder / "jacobian.npy").reshape(row.shape)
    line["jacobian"] = float(abs(row - expected).max() / abs(expected).max())
    if line["jacobian"] > JACOBIAN:
        with numpy.load(folder / "slope.npz") as arrays:
            slope, direction = arrays["slope"], arrays["direction"].reshape(row.shape)
        line["slope"] = float(abs((row * direction).sum() - slope) / numpy.linalg.norm(row))


def made(folder, *what):
    """Exports a model in a process of its own, which shares the libraries that are loaded; the trouble, if there was."""
    def work():
        warnings.simplefilter("ignore")
        try:
            export.make(folder, *what)
        except BaseException as error:  # Exporters raise what they like.
            (folder / "trouble").write_text(f"{type(error).__name__}: {error}"[:300])

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
    if (folder / "trouble").exists():
        return (folder / "trouble").read_text()
    return None if child.exitcode == 0 else f"the process ends with {child.exitcode}"


def wanted(words):
    for suite in words.suite or export.SUITES:
        exporters = ["-"] if suite in ("light", "zoo") else ["torchscript", "dynamo"]
        for name in export.SUITES[suite] if suite != "zoo" else export.trained(words.zoo):
            for exporter in exporters:
                if not words.only or name in words.only:
                    yield suite, name, exporter


def run(words):
    # Loaded once, for the processes of all exports.
    import onnxruntime, onnxscript, timm, torch, torchvision  # noqa: E401, F401

    torch.set_num_threads(1)
    words.work.mkdir(parents=True, exist_ok=True)
    log = words.work / "results.jsonl"
    done = {key(line): line for line in lines(log)}
    for suite, name, exporter in wanted(words):
        if words.exporter and exporter not in ("-", words.exporter):
            continue
        old = done.get((suite, name, exporter, words.fresh))
        line, precisions = {"suite": suite, "name": name, "exporter": exporter, "fresh": words.fresh}, list(LIMITS)
        if old and words.renew and covered(old) and old.get(f"stamp {words.renew}") != words.stamp:
            line, precisions = old, [words.renew]
        elif old:
            continue
        line["stamp"] = words.stamp
        with tempfile.TemporaryDirectory(dir=words.work) as folder:
            folder = pathlib.Path(folder)
            double = not {name, "all"}.isdisjoint(words.double)
            trouble = made(folder, suite, name, exporter, double, words.fresh, words.zoo)
            if trouble:
                line["export"] = trouble
            else:
                try:
                    check(words.netfold, folder, line, precisions, double)
                except Exception as error:  # One model's trouble is a line of the table.
                    line["error"] = f"judge: {error}"
        with log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line)[:400], flush=True)


def key(line):
    return line["suite"], line["name"], line["exporter"], line["fresh"]


def lines(log):
    """The last line of each model."""
    read = map(json.loads, log.read_text().splitlines()) if log.exists() else []
    return list({key(line): line for line in read}.values())


def covered(line):
    return "error" not in line and "export" not in line


def within(line, precision):
    return line[f"kept {precision}"] and all(line[f"{rule} {precision}"] <= LIMITS[precision] for rule in RULES)


def kept(line):
    return all(line[f"kept {precision}"] for precision in LIMITS)


def short(error):
    """An error in one line of a list; of nodes that are not supported the first of each operator."""
    head, *rest = error.strip().splitlines()
    nodes = re.findall(r"(`.*?`) \((\S+?)\): (.*)", error)
    if nodes and "not supported" in head:
        first = {op: f"{node} ({op}): {why}" for node, op, why in reversed(nodes)}
        rest = sorted(first.values())
    text = " ".join(" ".join([head.removeprefix("error: "), *rest]).split())
    return text.replace("|", "\\|")[:240]


def cell(value, limit=None):
    if value is None:
        return ""
    text = short(value) if isinstance(value, str) else f"{value:.1e}"
    return f"**{text}**" if limit is not None and not value <= limit else text


def gradient_cell(line):
    """The difference from PyTorch's gradient; where there is one, the slope's from central differences beside it."""
    own = cell(line.get("jacobian"), JACOBIAN)
    return f"{own} (slope {cell(line['slope'])})" if "slope" in line else own


HEAD = """# Real models

Written by `models/check.py`; do not edit. The whole, in an environment of its own (some hours on one core):

```sh
cargo build --release -p netfold-cli
pip install -r models/requirements.txt
python models/check.py --netfold target/release/netfold --work FOLDER --double all --report docs/models.md
```

The folder of trained networks with inputs, `NAME/model.onnx` and `NAME/*.npy`, is NETFOLD_ZOO or `../shared/zoo` from the
checkout; without it their table is left out.

Each model is exported, reconstructed at a random input under `gate` and `tangent` in single and double precision, and
deleted. Weights are drawn from a seed; batch normalisations are calibrated, with offsets drawn around 1
([models/export.py](../models/export.py) says why). The numbers are worst differences, divided by the largest logit: of
W x + b from f(x), for the 16 largest logits (8 in double precision) from their rows and for all logits by pushing x
through the frozen network; of f(x) from onnxruntime over all logits; and of the winner's row of W from PyTorch's gradient
in double precision, divided by its largest entry, where that was computed. Where these two differ, the slope of the row
along a random direction is compared with central differences of PyTorch's own forward pass, in parts of the row's length.
For the gradient batch normalisations are written as their formula: PyTorch 2.15's derivative of one picture is wrong where
the gradient arrives with its channels innermost, as before a `flatten(2).transpose(1, 2)`. In single precision a
difference can be no smaller than what two forward passes
differ by; the column of onnxruntime says how much that is. Bold is what exceeds {f32} in single or {f64} in double
precision, {jacobian} for the gradient.

Made with {versions}; by netfold at {stamps}.
"""


def stamps(parts):
    """Which program made how many exports' numbers in which precision."""
    good = [line for part in parts.values() for line in part if covered(line)]
    count = lambda stamp, precision: sum(line[f"stamp {precision}"] == stamp for line in good)
    found = dict.fromkeys(line[f"stamp {precision}"] for precision in LIMITS for line in good)
    told = ((stamp, precision, count(stamp, precision)) for stamp in found for precision in LIMITS)
    return ", ".join(f"`{stamp}` ({n} exports in {precision})" for stamp, precision, n in told if n)


def versions():
    names = ["torch", "torchvision", "timm", "onnx", "onnxscript", "onnxruntime"]
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def title(suite, fresh):
    names = {"torchvision": "torchvision, one model of each family", "timm": "timm, one model of each family",
             "light": "Older architectures of the onnx package", "zoo": "Trained networks"}
    return names[suite] + (", freshly initialised" if fresh else "")


def summary(parts):
    text = ["| | models | covered | exports | covered | within the limit in f32 | in f64 | winner kept | worst in f64 | worst from PyTorch | within 1e-9 of it |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for (suite, fresh), part in parts.items():
        good = [line for line in part if covered(line)]
        worst = max((line[f"{rule} f64"] for line in good for rule in RULES), default=None)
        jacobians = [line["jacobian"] for line in good if isinstance(line.get("jacobian"), float)]
        near = sum(difference <= JACOBIAN for difference in jacobians)
        cells = [title(suite, fresh), *(len({line["name"] for line in some}) for some in (part, good)), len(part), len(good),
                 *(sum(within(line, precision) for line in good) for precision in LIMITS), sum(map(kept, good)),
                 cell(worst), cell(max(jacobians, default=None), JACOBIAN) if jacobians else "", f"{near} of {len(jacobians)}"]
        text.append("| " + " | ".join(map(str, cells)) + " |")
    return text


FRESH = """Batch normalisations as they are initialised: offsets of 0. A deep network has exploding gradients then, W x and b
are up to a hundred times larger than the logits and cancel, and single precision shows it; double precision does not."""


def section(suite, fresh, part):
    good, bad = [line for line in part if covered(line)], [line for line in part if not covered(line)]
    text = [f"## {title(suite, fresh)}", "", *([FRESH, ""] if fresh else []),
            "| model | exporter | gate f32 | tangent f32 | gate f64 | tangent f64 | onnxruntime | PyTorch | winner | nodes exact at this input |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for line in good:
        runs = (cell(line[f"{rule} {precision}"], LIMITS[precision]) for precision in LIMITS for rule in RULES)
        cells = [line["name"], line["exporter"], *runs, cell(line.get("onnxruntime")), gradient_cell(line),
                 "kept" if kept(line) else "**another**", str(line["at this input"])]
        text.append("| " + " | ".join(cells) + " |")
    if bad:
        reason = lambda line: f"the exporter fails: {short(line['export'])}" if "export" in line else short(line["error"])
        text += ["", "Not covered:", "", *(f"- {line['name']} ({line['exporter']}): {reason(line)}" for line in bad)]
    return [*text, ""]


def report(words):
    order = lambda line: (line["fresh"], list(export.SUITES).index(line["suite"]), line["name"].lower(), line["exporter"])
    parts = {}
    for line in sorted(lines(words.work / "results.jsonl"), key=order):
        parts.setdefault((line["suite"], line["fresh"]), []).append(line)
    limits = {name: f"{limit:.0e}".replace("e-0", "e-") for name, limit in (LIMITS | {"jacobian": JACOBIAN}).items()}
    text = [HEAD.format(versions=versions(), stamps=stamps(parts), **limits), *summary(parts), ""]
    for (suite, fresh), part in parts.items():
        text += section(suite, fresh, part)
    words.report.write_text("\n".join(text))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="where results go, and exports for a while")
    parser.add_argument("--netfold", type=pathlib.Path, help="the program")
    parser.add_argument("--suite", action="append", choices=sorted(export.SUITES))
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--zoo", type=pathlib.Path, default=ZOO,
                        help="a folder of trained models, NAME/model.onnx with inputs NAME/*.npy [default: NETFOLD_ZOO, or ../shared/zoo from the checkout]")
    parser.add_argument("--exporter", choices=["torchscript", "dynamo"])
    parser.add_argument("--double", action="append", default=[], metavar="NAME")
    parser.add_argument("--renew", choices=sorted(LIMITS), help="run covered models again, in this precision alone")
    parser.add_argument("--stamp", default="", help="a word for the program in the lines: those that have it are not renewed")
    parser.add_argument("--fresh", action="store_true", help="keep batch normalisations as they are initialised")
    parser.add_argument("--report", type=pathlib.Path, metavar="FILE")
    words = parser.parse_args()
    if words.netfold:
        run(words)
    if words.report:
        report(words)


if __name__ == "__main__":
    main()
