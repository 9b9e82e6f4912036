"""Hands on a keyboard: everything a page is told comes from keys, and what they lead to is named as it is read out."""

from __future__ import annotations

from playwright.sync_api import Page

AS_PEOPLE_TYPE = 150  # Milliseconds from key to key: what comes quicker is taken for a scanner.
NAME = """() => {
    const e = document.activeElement, label = e.labels && e.labels[0];
    if (e === document.body) return "";
    return (e.getAttribute('aria-label') || (label || e).innerText || e.value || '').replace(/\\s+/g, ' ').trim();
}"""


def focused(page: Page) -> str:
    return str(page.evaluate("(document.activeElement.innerText || document.activeElement.id || '').trim()"))


def tab_to(page: Page, name: str, *, most: int = 60, kind: str = "") -> None:
    """Press Tab until what is called so has the focus; fails where no number of keys leads there."""
    passed = []
    for _press in range(most):
        page.keyboard.press("Tab")
        said = page.evaluate(NAME)
        if name in said and kind in ("", page.evaluate("document.activeElement.type")):
            return
        passed.append(said)
    raise AssertionError(f"Tab never reached {name!r}: {passed}")


def press(page: Page, name: str, *, most: int = 60) -> None:
    """Go to a button or link by Tab and press it with Enter; the next page has come when this returns."""
    tab_to(page, name, most=most)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def touch(page: Page, name: str, *, most: int = 60) -> None:
    """The same for what stays on its page."""
    tab_to(page, name, most=most)
    page.keyboard.press("Enter")


def write(page: Page, name: str, text: str, *, delay: float = 0, most: int = 60) -> None:
    """Go to a field and type into it; what stands there is marked by Tab, and is replaced."""
    tab_to(page, name, most=most)
    page.keyboard.type(text, delay=delay)


def choose(page: Page, name: str, option: str) -> None:
    """Go to a list and choose by the first letters, as keyboards do."""
    tab_to(page, name, kind="select-one")
    page.keyboard.type(option)
    chosen = page.evaluate("document.activeElement.selectedOptions[0].label")
    assert option in chosen, (option, chosen)


def tick(page: Page, name: str) -> None:
    """Go to a box and press Space."""
    tab_to(page, name)
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.checked"), name


def pick(page: Page, name: str, *, most: int = 60) -> None:
    """Go to a row of choices, of which Tab reaches one, and on by the arrows."""
    for _press in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "radio":
            break
    page.keyboard.press("Space")
    for _press in range(most):
        if name in page.evaluate(NAME):
            assert page.evaluate("document.activeElement.checked"), name
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"the arrows never reached {name!r}")
