#!/usr/bin/env python3
"""Drives the report and the explorer in a real browser and compares the page's numbers with the library's.

Usage: browser.py NETFOLD [--screenshots DIR]

NETFOLD is the program. The browser is CHROMIUM, or /usr/bin/chromium. With --screenshots the pictures of the README
are taken as well.
"""

import argparse
import os
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect, sync_playwright

from access import accessible
from common import EXAMPLE, LABELS, PICTURES, Numbers, close, hover, serve, value
from inside import inside
from owner import owner

COLUMN, ROW = 30, 25
BOX = (20, 18, 24, 20)


def drag(page: Page, panel: int, box: tuple[int, int, int, int]) -> None:
    left, top, width, height = box
    hover(page, panel, left, top)
    page.mouse.down()
    hover(page, panel, left + width // 2, top + height // 2)
    hover(page, panel, left + width - 1, top + height - 1)
    page.mouse.up()


def same_numbers(page: Page, numbers: Numbers) -> None:
    """Hover, brush, classes, margin, waterfall, keys: the same on the report and in the explorer."""
    expect(page.locator("#shown")).to_contain_text("An-26")
    expect(page.locator("#verdict")).to_contain_text("Equivalent")
    a, b = numbers.row(0), numbers.row(1)

    close(value(page, "#sum-network"), numbers.logits[a], "logit")
    close(value(page, "#sum-bias"), numbers.bias[a], "bias")
    close(value(page, "#sum-pixels"), numbers.gives[a].sum(), "pixels")

    hover(page, 2, COLUMN, ROW)
    expect(page.locator("#point")).to_have_text(f"Pixel, column {COLUMN}, row {ROW}")
    for name, row in (("An-26", a), ("Yak-42", b)):
        got = value(page, f'#at-point td[data-class="{name}"]')
        close(got, numbers.gives[row][ROW, COLUMN], f"contribution of the pixel to {name}", 1e-9)

    drag(page, 1, BOX)
    left, top, width, height = BOX
    for name, row in (("An-26", a), ("Yak-42", b)):
        inside = numbers.gives[row][top : top + height, left : left + width].sum()
        part = lambda word: value(page, f'#in-region td[data-part="{word}"][data-class="{name}"]')
        close(part("inside"), inside, f"region, {name}", 1e-9)
        close(part("rest"), numbers.gives[row].sum() - inside, f"rest, {name}", 1e-9)
        close(part("total"), numbers.logits[row], f"all parts, {name}")
        assert abs(part("inside") + part("rest") + part("bias") - part("total")) < 1e-12

    steps = page.locator("#waterfall tbody td[data-value]").evaluate_all("cells => cells.map(c => +c.dataset.value)")
    close(sum(steps), value(page, "#waterfall tfoot td[data-value]"), "waterfall", 1e-9)
    close(sum(steps), numbers.logits[a], "waterfall and logit")

    page.keyboard.press("Escape")
    expect(page.locator("#in-region")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#shown")).to_contain_text("Yak-42")
    close(value(page, "#sum-network"), numbers.logits[b], "logit of the next class")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#shown")).to_contain_text("An-26")

    page.locator("#against").select_option("1")
    expect(page.locator("#shown")).to_contain_text("An-26 − Yak-42")
    close(value(page, "#sum-network"), numbers.logits[a] - numbers.logits[b], "margin")
    hover(page, 2, COLUMN, ROW)
    got = value(page, '#at-point td[data-class="An-26 − Yak-42"]')
    close(got, (numbers.gives[a] - numbers.gives[b])[ROW, COLUMN], "contribution to the margin", 1e-9)
    assert "against=1" in page.url, page.url

    page.keyboard.press("b")
    expect(page.locator(".views.over")).to_have_count(1)
    assert "view=overlay" in page.url, page.url
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.reload()
    expect(page.locator("#shown")).to_contain_text("An-26 − Yak-42")
    expect(page.locator(".views.over")).to_have_count(1)
    page.keyboard.press("b")
    page.locator("#against").select_option("")


def explorer(page: Page, address: str, numbers: Numbers, work: Path) -> None:
    page.goto(address)
    same_numbers(page, numbers)

    problem = page.locator("#problem")
    broken = work / "broken.onnx"
    broken.write_bytes((EXAMPLE / "aircraft.onnx").read_bytes()[:5000])
    page.locator("#open-model").set_input_files(broken)
    expect(problem).to_contain_text("broken.onnx")
    assert str(work) not in problem.inner_text() and "/tmp" not in problem.inner_text()
    text = work / "words.png"
    text.write_text("no picture")
    page.locator("#open-input").set_input_files(text)
    expect(problem).to_contain_text("words.png` is not a picture")
    big = work / "big.png"
    with big.open("wb") as file:
        file.truncate(200 << 20)
    page.locator("#open-input").set_input_files(big)
    expect(problem).to_contain_text("big.png has 200 MiB; at most 64 MiB are taken")
    huge = work / "huge.png"
    huge.write_bytes(black_png(10_000))
    page.locator("#open-input").set_input_files(huge)
    expect(problem).to_contain_text("10000 x 10000 pixels")
    expect(page.locator("#shown")).to_contain_text("An-26")

    # Another browser looks at another picture meanwhile, and a third one is closed in the middle of its work.
    other, gone = page.context.browser.new_page(), page.context.browser.new_page()
    other.goto(address)
    other.locator("#input").select_option(label="yak-42-0.png")
    with gone.expect_request("**/inputs/**"):
        gone.goto(address, wait_until="commit")
    gone.close()
    page.reload()
    expect(page.locator("h1")).to_contain_text("an-26-0.png")
    expect(other.locator("h1")).to_contain_text("yak-42-0.png")
    close(value(page, "#sum-network"), numbers.logits[numbers.row(0)], "logit beside another browser")
    other.close()

    # Work that takes long can be stopped, and the page goes on.
    held = []
    page.route("**/channels/*", lambda route: held.append(route))
    page.locator("#layers summary").click()
    page.locator("#layers tbody button").first.click()
    page.locator("#stop").click()
    expect(page.locator("#stop")).to_have_count(0)
    expect(problem).to_have_count(0)
    assert len(held) == 1
    page.unroute("**/channels/*")
    page.locator("#layers tbody button").first.click()
    expect(page.locator("#channels")).to_be_visible()

    # The page goes on: another picture shows, and a model that is opened.
    page.locator("#input").select_option(label="yak-42-0.png")
    expect(page.locator("h1")).to_contain_text("yak-42-0.png")
    expect(problem).to_have_count(0)
    page.locator("#open-model").set_input_files(EXAMPLE / "aircraft.onnx")
    expect(page.locator("#sum-network")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="npz").click()
    arrays = np.load(download.value.path())
    assert arrays["weights"].shape == (2, 1, 64, 64)
    with page.expect_download() as download:
        page.get_by_role("button", name="onnx").click()
    assert download.value.path().stat().st_size > 2 * 64 * 64 * 4
    for button in page.get_by_role("button", name="PNG").all():
        with page.expect_download() as download:
            button.click()
        head = download.value.path().read_bytes()[:24]
        assert head.startswith(b"\x89PNG") and min(struct.unpack(">II", head[16:])) >= 16, download.value.suggested_filename


def black_png(side: int) -> bytes:
    """A black square, one bit a pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = bytes(1 + (side + 7) // 8) * side
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def screenshots(page: Page, address: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    left, top, width, height = BOX
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto("about:blank")
        page.goto(f"{address}&class=0&region=r:{left},{top},{width},{height}")
        expect(page.locator("#shown")).to_contain_text("An-26")
        hover(page, 2, COLUMN, ROW)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=folder / f"explore-{scheme}.png")
        page.goto("about:blank")
        page.goto(f"{address}&class=0")
        page.locator("#layers summary").click()
        page.locator("#layers").get_by_role("button", name="block3.relu", exact=True).click()
        page.get_by_role("button", name="The strongest unit of channel 5", exact=True).click()
        expect(page.locator("#unit")).to_be_visible()
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=folder / f"inside-{scheme}.png")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("netfold")
    words.add_argument("--screenshots", type=Path)
    words = words.parse_args()
    netfold = str(Path(words.netfold).resolve())
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        work = Path(work)
        out = work / "out"
        subprocess.run([netfold, "reconstruct", EXAMPLE / "aircraft.onnx", PICTURES[0], *LABELS, "--out", out], check=True, stdout=subprocess.DEVNULL)
        numbers = Numbers(out)
        program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1150})
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)

        page.goto((out / "report.html").as_uri())
        same_numbers(page, numbers)
        # What needs the program is no dead control.
        expect(page.locator("#waterfall button, #layers button, #bias-map, #channels")).to_have_count(0)
        accessible(page, "the report")
        print("report: the page says what the library says")

        process, address = serve(netfold)
        try:
            explorer(page, address, numbers, work)
            print("explorer: the page says what the library says, and goes on after broken files")
            inside(page, address, netfold, work)
            print("inside: bias maps, channels and units are those of the command line")
            owner(browser, address)
            print("owner: the token lets in, stays out of sight, and is asked for where it is missing")
            if words.screenshots:
                screenshots(page, address, words.screenshots)
        finally:
            process.terminate()
            process.wait()
        browser.close()
        assert not faults, faults


if __name__ == "__main__":
    main()
