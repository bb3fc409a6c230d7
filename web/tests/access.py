"""Rules of accessibility (WCAG 2 AA: labels, roles, contrast), checked by axe-core in the browser."""

from playwright.sync_api import Page

from common import ROOT

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def accessible(page: Page, what: str, least: int = 20) -> None:
    """Light and dark, no rule is broken, and more than `least` apply."""
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(AXE.read_text())
        found = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
        assert len(found["passes"]) > least, f"{what}: axe looked at nothing"
        faults = [f"{fault['help']}: {fault['nodes'][0]['html']}" for fault in found["violations"]]
        assert not faults, f"{what}, {scheme}: {faults}"
