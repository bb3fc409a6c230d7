"""The explorer in a browser: how soon the example shows, how fast a class switches, and how long a new class of a large
network takes beside the command line, in one run.

    python bench/explore.py --model resnet50

Prints medians. Needs Playwright (web/tests/requirements.txt), a Chromium, and a release build; a large network that was
not exported before needs what compare.py needs.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from playwright.sync_api import sync_playwright

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.join(HERE, "..", "examples", "aircraft")
# The time from a click to the picture that follows the first change of the headline.
SWITCH = """selector => new Promise(done => {
    const [shown, before] = [() => document.getElementById("shown").textContent, performance.now()];
    const text = shown();
    document.querySelector(selector).click();
    const look = () => shown() === text ? requestAnimationFrame(look) : requestAnimationFrame(() => done((performance.now() - before) / 1e3));
    requestAnimationFrame(look);
})"""


class Explorer:
    """A running explorer and its address."""

    def __init__(self, netfold, *words):
        line = [netfold, "explore", *words, "--port", "0"]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = self.process.stdout.readline().strip()

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def visit(browser, address):
    """A new page; seconds to the first paint and to the numbers of the first class."""
    page = browser.new_page()
    start = time.perf_counter()
    page.goto(address)
    page.locator("#sum-network").wait_for()
    shown = time.perf_counter() - start
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime / 1e3")
    return page, painted, shown


def example(browser, netfold, runs):
    """Medians of first paint, numbers shown, and class switch on the example."""
    model, picture = os.path.join(EXAMPLE, "aircraft.onnx"), os.path.join(EXAMPLE, "images", "an-26-0.png")
    explorer = Explorer(netfold, model, picture, "--labels", os.path.join(EXAMPLE, "labels.txt"))
    paints, numbers, switches = [], [], []
    for _ in range(runs):
        page, painted, shown = visit(browser, explorer.address)
        paints.append(painted)
        numbers.append(shown)
        other = '.tabs button[aria-pressed="false"]'
        page.locator(other).wait_for()
        switches += [page.evaluate(SWITCH, other) for _ in range(4)]
        page.close()
    explorer.close()
    return [statistics.median(times) for times in (paints, numbers, switches)]


def new_class(browser, netfold, model, picture, runs):
    """Medians for a class that was not computed before: in the explorer, and by the command line."""
    explorer = Explorer(netfold, model, picture)
    page, _, shown = visit(browser, explorer.address)
    page.locator("#logits").wait_for()
    page.locator(".logits .tools select").select_option("100")
    page.locator('#logits [data-class] .name').nth(40).wait_for()
    classes = page.locator("#logits tr[data-class]").evaluate_all("rows => rows.map(row => row.dataset.class)")
    ours, theirs = [], []
    for index in classes[20 : 20 + runs]:
        ours.append(page.evaluate(SWITCH, f'#logits tr[data-class="{index}"] .name'))
        start = time.perf_counter()
        subprocess.run([netfold, "reconstruct", model, picture, "--class", index], check=True, stdout=subprocess.DEVNULL)
        theirs.append(time.perf_counter() - start)
    explorer.close()
    return shown, statistics.median(ours), statistics.median(theirs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
    parser.add_argument("--model", default="resnet50", help="the large network")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--program", default=os.path.join(target, "release", "netfold"))
    parser.add_argument("--exports", default=os.path.join(HERE, "exports"), help="where exported networks are kept")
    options = parser.parse_args()
    paths = [os.path.join(options.exports, options.model + ending) for ending in (".onnx", ".npy")]
    if not all(map(os.path.exists, paths)):
        sys.path.insert(0, HERE)
        import models

        paths = models.export(options.model, options.exports)
    with sync_playwright() as playwright:
        program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        paint, numbers, switch = example(browser, options.program, options.runs)
        opened, ours, theirs = new_class(browser, options.program, *paths, options.runs)
        browser.close()
    print("| what | seconds |\n| --- | --- |")
    print(f"| the example: first paint | {paint:.3f} |")
    print(f"| the example: the first class with its numbers | {numbers:.3f} |")
    print(f"| the example: another class | {switch:.3f} |")
    print(f"| {options.model}: opened, five classes | {opened:.2f} |")
    print(f"| {options.model}: a new class in the explorer | {ours:.2f} |")
    print(f"| {options.model}: the same by `netfold reconstruct --class` | {theirs:.2f} |")
    print(f"| ratio | {ours / theirs:.2f} |")


if __name__ == "__main__":
    main()
