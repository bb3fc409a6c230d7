"""Exports real models, reconstructs each and compares; writes the table of docs/models.md.

    python check.py --netfold PROGRAM --work FOLDER [--suite SUITE]... [--only NAME]... [--double NAME]...
    python check.py --work FOLDER --report ../docs/models.md

Each model is exported by export.py in a process of its own, reconstructed under `gate` and `tangent` in single and
double precision, compared with onnxruntime, and deleted. FOLDER/results.jsonl holds one line a model; models that it
holds are not run again, so that a run can be stopped and taken up. Models named by --double are exported in double
precision too, and their row of W compared with PyTorch's gradient.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy

from export import SUITES

HERE = pathlib.Path(__file__).resolve().parent
RUNS = [(rule, precision) for precision in ("f32", "f64") for rule in ("gate", "tangent")]
LIMITS = {"f32": 1e-5, "f64": 1e-11}
PATIENCE = 900


def reconstruct(netfold, model, given, rule, precision, *words):
    """What the program says of a model: a certificate and the five largest logits, or why there is none."""
    command = [netfold, "reconstruct", model, given, "--json", "--freeze", rule, "--precision", precision, *words]
    try:
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return {"error": f"more than {PATIENCE} s"}
    if done.returncode in (0, 3):
        return json.loads(done.stdout)
    return {"error": done.stderr.strip()}


def judge(model, given):
    """onnxruntime's outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: numpy.load(given).astype(numpy.float32)})


def forward_difference(judged, result):
    """The worst difference of the five largest logits from onnxruntime's, divided by its largest; None if its output is
    another one: a final softmax is left off, or there are several outputs."""
    if len(judged) > 1 or result["certificate"]["left_off"]:
        return None
    expected = judged[0].reshape(-1)
    pairs = [(row["logit"], expected[row["class"]["index"] if isinstance(row["class"], dict) else row["class"]])
             for row in result["classes"]]
    return float(max(abs(a - b) for a, b in pairs) / max(abs(expected)))


def check(netfold, folder, line):
    """Fills the line of one exported model."""
    model, given = folder / "model.onnx", folder / "input.npy"
    judged = judge(model, given)
    output = []
    for rule, precision in RUNS:
        result = reconstruct(netfold, model, given, rule, precision, "--top", "5" if rule == "gate" else "1", *output)
        if "error" in result:
            line["error"] = result["error"]
            return
        certificate = result["certificate"]
        line[f"{rule} {precision}"] = certificate["worst_relative_difference"]
        line["kept"] = line.get("kept", True) and certificate["argmax"]["kept"]
        line["seconds"] = max(line.get("seconds", 0.0), certificate["seconds"]["total"])
        line["at this input"] = len(certificate["exact_at_this_input"])
        if (rule, precision) == ("gate", "f32"):
            line["onnxruntime"] = forward_difference(judged, result)
    if (folder / "jacobian.npy").exists():
        line["jacobian"] = jacobian(netfold, folder)


def jacobian(netfold, folder):
    """The worst difference of the winner's row of W from PyTorch's gradient, divided by its largest entry."""
    numpy.save(folder / "input64.npy", numpy.load(folder / "input.npy").astype(numpy.float64))
    out = folder / "out"
    result = reconstruct(netfold, folder / "model64.onnx", folder / "input64.npy", "tangent", "f64", "--top", "1", "--out", out)
    if "error" in result:
        return result["error"]
    with numpy.load(out / "reconstruction.npz") as arrays:
        row = arrays["weights"][0]
    expected = numpy.load(folder / "jacobian.npy").reshape(row.shape)
    return float(abs(row - expected).max() / abs(expected).max())


def wanted(words):
    for suite in words.suite or SUITES:
        exporters = ["-"] if suite == "light" else ["torchscript", "dynamo"]
        for name in SUITES[suite]:
            for exporter in exporters:
                if not words.only or name in words.only:
                    yield suite, name, exporter


def run(words):
    words.work.mkdir(parents=True, exist_ok=True)
    log = words.work / "results.jsonl"
    done = {(line["suite"], line["name"], line["exporter"]) for line in lines(log)}
    for suite, name, exporter in wanted(words):
        if (suite, name, exporter) in done or words.exporter and exporter not in ("-", words.exporter):
            continue
        line = {"suite": suite, "name": name, "exporter": exporter}
        with tempfile.TemporaryDirectory(dir=words.work) as folder:
            command = [sys.executable, HERE / "export.py", folder, suite, name]
            command += [exporter] if exporter != "-" else []
            command += ["--double"] if name in words.double else []
            made = subprocess.run(list(map(str, command)), capture_output=True, text=True)
            if made.returncode == 0:
                try:
                    check(words.netfold, pathlib.Path(folder), line)
                except Exception as error:  # One model's trouble is a line of the table.
                    line["error"] = f"judge: {error}"
            else:
                line["export"] = (made.stderr.strip().splitlines() or ["?"])[-1][:300]
        with log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line)[:400], flush=True)


def lines(log):
    return [json.loads(text) for text in log.read_text().splitlines()] if log.exists() else []


def covered(line):
    return "error" not in line and "export" not in line


def within(line):
    return line["kept"] and all(line[f"{rule} {precision}"] <= LIMITS[precision] for rule, precision in RUNS)


def short(error):
    """An error in one line of a table."""
    text = " ".join(error.split())
    return text.replace("|", "\\|")[:240]


def report(words):
    table = sorted(lines(words.work / "results.jsonl"), key=lambda line: (line["suite"], line["name"].lower(), line["exporter"]))
    number = lambda value: "" if value is None else f"{value:.1e}" if isinstance(value, float) else short(value)
    text = ["# Real models", "",
            "Written by `models/check.py --report`; do not edit. Seeded weights, calibrated batch normalisations, a random",
            "input. The numbers are worst differences over all logits, divided by the largest: of W x + b from f(x) under",
            "each rule and precision, of f(x) from onnxruntime over the five largest logits, and of the winner's row of W from",
            "PyTorch's gradient in double precision where that was computed.", ""]
    for suite in dict.fromkeys(line["suite"] for line in table):
        part = [line for line in table if line["suite"] == suite]
        good = [line for line in part if covered(line)]
        exact = sum(within(line) for line in good)
        text += [f"## {suite}", "",
                 f"{len(good)} of {len(part)} exports are covered, {exact} within 1e-5 in single and 1e-11 in double precision "
                 "with the winner kept.", "",
                 "| model | exporter | gate f32 | tangent f32 | gate f64 | tangent f64 | onnxruntime | PyTorch | winner | nodes exact at this input |",
                 "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
        for line in good:
            cells = [line["name"], line["exporter"], *(number(line[f"{rule} {precision}"]) for rule, precision in RUNS),
                     number(line.get("onnxruntime")), number(line.get("jacobian")), "kept" if line["kept"] else "another",
                     str(line["at this input"])]
            text.append("| " + " | ".join(cells) + " |")
        text.append("")
        bad = [line for line in part if not covered(line)]
        if bad:
            text += ["Not covered:", ""]
            text += [f"- {line['name']} ({line['exporter']}): " + (f"the exporter fails: {short(line['export'])}" if "export" in line
                     else short(line["error"])) for line in bad]
            text.append("")
    words.report.write_text("\n".join(text))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="where results go, and exports for a while")
    parser.add_argument("--netfold", type=pathlib.Path, help="the program")
    parser.add_argument("--suite", action="append", choices=sorted(SUITES))
    parser.add_argument("--only", action="append", metavar="NAME")
    parser.add_argument("--exporter", choices=["torchscript", "dynamo"])
    parser.add_argument("--double", action="append", default=[], metavar="NAME")
    parser.add_argument("--report", type=pathlib.Path, metavar="FILE")
    words = parser.parse_args()
    if words.netfold:
        run(words)
    if words.report:
        report(words)


if __name__ == "__main__":
    main()
