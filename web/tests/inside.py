"""The explorer's looks inside the network, compared with what the command line says of the same tensors and units."""

import json
import subprocess
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect

from access import accessible
from common import EXAMPLE, PICTURES, becomes, close, hover, value

TENSOR = "block2.relu"


def ask(netfold: str, command: str, *words) -> dict:
    line = [netfold, command, EXAMPLE / "aircraft.onnx", PICTURES[0], "--json", *words]
    return json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)


def bias_maps(page: Page, address: str, netfold: str) -> None:
    """Each layer's map adds up to its share; a margin's map is the difference; a link opens it."""
    page.goto("about:blank")
    page.goto(address)
    shares = [
        {node["node"]: node["share"] for node in ask(netfold, "bias", "--class", str(index))["nodes"]} for index in (0, 1)
    ]
    bars = page.locator("#waterfall tbody button")
    expect(bars.first).to_be_visible()
    names = bars.all_inner_texts()
    assert len(names) == 4 and all("norm" in name for name in names), names
    for i, name in enumerate(names):
        bars.nth(i).click()
        expect(page.locator("#bias-map")).to_have_attribute("data-layer", name)
        close(value(page, "#bias-share"), shares[0][name], f"bias map of {name}")
        assert "&bias=" in page.url, page.url
    name = names[-1]

    # The same place from the same map: its values, stretched over the picture, add up to the share.
    map_ = page.locator("#bias-map .map .marks")
    map_.scroll_into_view_if_needed()
    box = map_.bounding_box()
    total = 0.0
    for row in range(8):
        for column in range(8):
            page.mouse.move(box["x"] + (column + 0.5) / 8 * box["width"], box["y"] + (row + 0.5) / 8 * box["height"])
            expect(page.locator("#bias-map")).to_contain_text(f"Place column {column}, row {row}:")
            total += value(page, "#bias-place")
    close(total, shares[0][name], f"places of {name}")

    page.locator("#against").select_option("1")
    expect(page.locator("#bias-map")).to_contain_text("margin")
    becomes(page, "#bias-share", shares[0][name] - shares[1][name], f"map of the margin, {name}")
    page.reload()
    expect(page.locator("#bias-map")).to_have_attribute("data-layer", name)
    page.locator("#against").select_option("")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#shown")).to_contain_text("Yak-42")
    becomes(page, "#bias-share", shares[1][name], f"map of the other class, {name}")
    accessible(page, "the explorer with a bias map")
    page.locator("#bias-map").get_by_role("button", name="Close").click()
    expect(page.locator("#bias-map")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#shown")).to_contain_text("An-26")


def units(page: Page, address: str, netfold: str, work: Path) -> None:
    """A tensor's channels, a unit's weights over what it sees, and its certificate."""
    page.goto("about:blank")
    page.goto(address)
    page.locator("#layers summary").click()
    page.locator("#layers").get_by_role("button", name=TENSOR, exact=True).click()
    maps = page.locator("#channels canvas")
    expect(maps).to_have_count(16)
    expect(page.locator("#channels-title")).to_contain_text("1 × 16 × 32 × 32")

    # A place of a channel's map, by the pointer.
    out = work / "unit"
    unit = (3, 17, 14)
    told = ask(netfold, "reconstruct", "--at", TENSOR, "--unit", ",".join(map(str, unit)), "--out", out)["classes"][0]
    arrays = np.load(out / "reconstruction.npz")
    maps.nth(unit[0]).scroll_into_view_if_needed()
    box = maps.nth(unit[0]).bounding_box()
    place = (box["x"] + (unit[2] + 0.5) / 32 * box["width"], box["y"] + (unit[1] + 0.5) / 32 * box["height"])
    page.mouse.move(*place)
    expect(page.locator("#unit-value")).to_contain_text("Unit 3,17,14")
    close(value(page, "#unit-value"), told["logit"], "value of the unit")
    page.mouse.click(*place)
    expect(page.locator("#unit")).to_have_attribute("data-unit", "3,17,14")
    same_unit(page, told, arrays)
    for word in ("tensor=block2.relu", "unit=3%2C17%2C14"):
        assert word in page.url, page.url

    # The link shows the same.
    page.reload()
    expect(page.locator("#unit")).to_have_attribute("data-unit", "3,17,14")
    same_unit(page, told, arrays)
    accessible(page, "the explorer with a unit")
    page.keyboard.press("Escape")
    expect(page.locator("#unit")).to_have_count(0)
    expect(page.locator("#shown")).to_contain_text("An-26")

    # A channel's strongest place, and a unit by its indices; one that is off sees nothing.
    strongest = ask(netfold, "reconstruct", "--at", TENSOR, "--unit", "5")["classes"][0]
    page.get_by_role("button", name="The strongest unit of channel 5").click()
    expect(page.locator("#unit")).to_have_attribute("data-unit", ",".join(map(str, strongest["unit"])))
    close(value(page, "#sum-network"), strongest["logit"], "strongest unit")
    page.locator("#unit-word").fill("0, 0, 99")
    page.keyboard.press("Enter")
    expect(page.locator("#problem")).to_contain_text("0,0,99")
    some = [word for c in range(16) for word in ("--unit", f"{c},15,15")]
    off = next(row for row in ask(netfold, "reconstruct", "--at", TENSOR, *some)["classes"] if row["logit"] == 0)
    page.locator("#unit-word").fill(",".join(map(str, off["unit"])))
    page.keyboard.press("Enter")
    expect(page.locator("#unit")).to_contain_text("It depends on nothing at this input")
    expect(page.locator("#problem")).to_have_count(0)
    page.locator("#back").click()
    expect(page.locator("#shown")).to_contain_text("An-26")

    # More channels than one answer holds.
    page.locator("#layers").get_by_role("button", name="block4.norm", exact=True).click()
    expect(page.locator("#channels")).to_have_attribute("data-tensor", "block4.norm")
    expect(maps).to_have_count(24)
    page.locator("#channels-next").click()
    expect(page.locator('#channels canvas[data-channel="31"]')).to_be_visible()
    expect(maps).to_have_count(8)
    assert "first=24" in page.url, page.url
    page.locator("#channels-before").click()
    expect(page.locator('#channels canvas[data-channel="0"]')).to_be_visible()


def same_unit(page: Page, told: dict, arrays) -> None:
    close(value(page, "#sum-network"), told["logit"], "value of the unit")
    close(value(page, "#sum-one-layer"), told["reconstructed"], "one layer at the unit")
    close(value(page, "#sum-bias"), told["bias"], "bias of the unit")
    expect(page.locator("#unit-verdict")).to_contain_text("Equivalent")
    field = told["receptive_field"]
    assert int(value(page, "#unit [data-value]")) == field["elements"]
    (top, bottom), (left, right) = field["bounds"][-2:]
    expect(page.locator(".views .note").first).to_contain_text(f"Columns {left} to {right}, rows {top} to {bottom} of 64 × 64")
    weights, x = arrays["weights"][0, 0], arrays["input"].reshape(64, 64)
    size = (right - left + 1, bottom - top + 1)
    for row, column in ((top, left), (bottom, right), ((top + bottom) // 2, left + 1)):
        hover(page, 1, column - left, row - top, size)
        expect(page.locator("#point")).to_have_text(f"Pixel, column {column}, row {row}")
        cells = page.locator("#at-point td[data-value]").evaluate_all("cells => cells.map(c => +c.dataset.value)")
        close(cells[1], float(weights[row, column]), "weight of the unit")
        close(cells[2], float(weights[row, column]) * float(x[row, column]), "contribution to the unit")
    steps = page.locator("#waterfall tbody td[data-value]").evaluate_all("cells => cells.map(c => +c.dataset.value)")
    close(sum(steps), told["logit"], "waterfall of the unit")


def inside(page: Page, address: str, netfold: str, work: Path) -> None:
    bias_maps(page, address, netfold)
    units(page, address, netfold, work)
