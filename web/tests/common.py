"""What the browser tests share: the example, numbers out of the page, the pointer, and the program."""

import re
import subprocess
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "aircraft"
PICTURES = [EXAMPLE / "images" / f"{name}.png" for name in ("an-26-0", "yak-42-0")]
LABELS = ["--labels", str(EXAMPLE / "labels.txt")]


class Numbers:
    """What the library wrote."""

    def __init__(self, folder: Path):
        arrays = np.load(folder / "reconstruction.npz")
        self.classes = list(arrays["classes"])
        x = arrays["input"].astype(np.float64)
        self.weights = arrays["weights"].astype(np.float64)
        self.gives = (self.weights * x).reshape(len(self.classes), *x.shape[-2:])
        self.bias = arrays["bias"].astype(np.float64)
        self.logits = arrays["logits"].astype(np.float64)

    def row(self, index: int) -> int:
        return self.classes.index(index)


def close(got: float, wanted: float, what: str, tolerance: float = 1e-5) -> None:
    assert abs(got - wanted) <= tolerance * max(1.0, abs(wanted)), f"{what}: the page says {got}, the library {wanted}"


def value(page: Page, selector: str) -> float:
    return float(page.locator(selector).first.get_attribute("data-value"))


def becomes(page: Page, selector: str, wanted: float, what: str, tolerance: float = 1e-5) -> None:
    """Waits until an element tells the number."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        told = page.locator(selector).evaluate_all("found => found.map(element => element.dataset.value)")
        if told and abs(float(told[0]) - wanted) <= tolerance * max(1.0, abs(wanted)):
            return
        page.wait_for_timeout(30)
    close(value(page, selector), wanted, what, tolerance)


def hover(page: Page, panel: int, column: int, row: int, size: tuple[int, int] = (64, 64)) -> None:
    marks = page.locator(".map .marks").nth(panel)
    marks.scroll_into_view_if_needed()
    box = marks.bounding_box()
    page.mouse.move(box["x"] + (column + 0.5) / size[0] * box["width"], box["y"] + (row + 0.5) / size[1] * box["height"])


def serve(netfold: str):
    words = [netfold, "explore", EXAMPLE / "aircraft.onnx", *PICTURES, *LABELS, "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    address = process.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#token=[0-9a-f]{48}", address), address
    return process, address
