"""The explorer's token: who has it sees the page, it stays nowhere in sight, and who has it not is told how to get it."""

from playwright.sync_api import Browser, Page, expect

from access import accessible


def keeps_to_itself(page: Page, address: str) -> None:
    """Opens the printed address: the token is in no address, title, text or storage of cookies afterwards."""
    place, token = address.split("/#token=")
    asked = []
    page.on("request", lambda request: asked.append(request))
    page.goto(f"{address}&class=1")
    expect(page.locator("#shown")).to_contain_text("Yak-42")
    assert page.url.startswith(f"{place}/#") and "class=1" in page.url, page.url
    for what in (page.url, page.title(), page.content(), page.evaluate("document.referrer"), str(page.context.cookies())):
        assert token not in what, what
    for request in asked:
        assert token not in request.url and "referer" not in request.all_headers(), request.url
        brought = token in request.all_headers().get("authorization", "")
        assert brought == ("/api/" in request.url), request.url


def owner(browser: Browser, address: str) -> None:
    place, token = address.split("/#token=")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(20_000)
    page = context.new_page()

    # Without a token, and with one of another explorer.
    page.goto(place)
    expect(page.locator(".locked")).to_contain_text("This address has no token")
    expect(page.locator(".locked")).to_contain_text("netfold explore")
    expect(page.locator("#input, #open-model")).to_have_count(0)
    accessible(page, "the explorer without its token", 8)
    page.goto("about:blank")
    page.goto(f"{place}/#token={'0' * 48}&class=1")
    expect(page.locator(".locked")).to_contain_text("the token of this address is another one's")
    assert page.url == f"{place}/#class=1", page.url

    # The printed address in the same tab, which does not load the page again; what the link was to is shown.
    page.evaluate("address => location.assign(address)", address)
    expect(page.locator("#shown")).to_contain_text("Yak-42")
    expect(page.locator(".locked")).to_have_count(0)
    page.goto("about:blank")
    keeps_to_itself(page, address)
    page.reload()
    expect(page.locator("#shown")).to_contain_text("Yak-42")

    # A link to what is shown opens in the same browser, and not in another one.
    link = page.url
    other = context.new_page()
    other.goto(link)
    expect(other.locator("#shown")).to_contain_text("Yak-42")
    stranger = browser.new_page()
    stranger.goto(link)
    expect(stranger.locator(".locked")).to_contain_text("This address has no token")
    stranger.close()
    # Tabs that are locked open when the printed address is opened in another one.
    page.close()
    other.goto("about:blank")
    locked = context.new_page()
    locked.goto(place)
    expect(locked.locator(".locked")).to_be_visible()
    other.goto(address)
    expect(locked.locator("#shown")).to_contain_text("An-26")
    context.close()
