"""Check the built site: links, what it would fetch, how far its pages are, its search.

Usage: ``python docs/check_site.py build/docs``. A browser (Chromium) is asked, too, if
one is installed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

CLICKS = 2
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SEARCH = "search.html?q=memorization"
FOUND = re.compile(r'<ul [^>]*class="search"[^>]*><li')
# Reached through the search box.
NOT_LINKED = {"search.html"}
REMOTE = re.compile(r"""(?:url\(|@import)\s*["']?(?:https?:)?//""")


class Page(HTMLParser):
    """Links, fetched resources and anchors of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.resources: list[str] = []
        self.anchors: set[str] = {"", "top"}
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag leads to, loads, or can be found by."""
        given = {name: value for name, value in attrs if value is not None}
        self.anchors.update(given[name] for name in ("id", "name") if name in given)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and "stylesheet" in given.get("rel", ""):
            self.resources.append(given["href"])
        if tag != "a" and "src" in given:
            self.resources.append(given["src"])


def problems(site: Path) -> Iterator[str]:
    """Yield what is wrong with the files of the site."""
    pages = {
        str(path.relative_to(site)): Page(path)
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts
    }
    for name, page in pages.items():
        yield from link_problems(site, name, pages)
        for resource in page.resources:
            yield from resource_problems(site, name, resource)
    for style in site.rglob("*.css"):
        if REMOTE.search(style.read_text("utf-8")):
            yield f"{style.relative_to(site)}: would fetch from elsewhere"
    graph = {
        name: {target for target, _ in linked(site, name, page)}
        for name, page in pages.items()
    }
    near = within_clicks(graph, "index.html", CLICKS)
    for name in sorted(set(pages) - near - NOT_LINKED):
        yield f"{name}: further than {CLICKS} clicks from the first page"


def link_problems(site: Path, name: str, pages: dict[str, Page]) -> Iterator[str]:
    """Yield the links of a page that lead nowhere within the site."""
    for target, anchor in linked(site, name, pages[name]):
        if target not in pages and not (site / target).is_file():
            yield f"{name}: broken link to {target}"
        elif target in pages and anchor not in pages[target].anchors:
            yield f"{name}: no anchor {anchor} in {target}"


def resource_problems(site: Path, name: str, resource: str) -> Iterator[str]:
    """Yield what is wrong with something that a page loads."""
    parts = urlsplit(resource)
    if parts.netloc:
        yield f"{name}: would fetch {resource}"
    elif (
        parts.scheme != "data" and not (site / resolve(site, name, resource)).is_file()
    ):
        yield f"{name}: lacks {resource}"


def resolve(site: Path, page: str, address: str) -> str:
    """Return the file that an address on a page means, relative to the site."""
    path = (site / page).parent / unquote(urlsplit(address).path)
    return str(path.resolve().relative_to(site))


def linked(site: Path, name: str, page: Page) -> Iterator[tuple[str, str]]:
    """Yield file and anchor of every link of a page that stays within the site."""
    for link in page.links:
        address, anchor = urldefrag(link)
        if not urlsplit(address).scheme:
            target = resolve(site, name, address) if address else name
            yield target, unquote(anchor)


def within_clicks(graph: dict[str, set[str]], start: str, clicks: int) -> set[str]:
    """Return the pages that so many clicks reach."""
    reached = {start}
    for _ in range(clicks):
        reached |= {target for page in reached for target in graph.get(page, ())}
    return reached


def browser_problems(site: Path, browser: str) -> Iterator[str]:
    """Yield what a browser complains of, or asks the network for."""
    _, _, usual = visit(browser, "data:,")  # asked for whatever the page
    gallery = sorted(
        str(path.relative_to(site)) for path in site.glob("auto_examples/*")
    )
    for name in ["index.html", SEARCH, *gallery[:1]]:
        document, complaints, requests = visit(browser, f"file://{site}/{name}")
        yield from (f"{name}: {line}" for line in complaints)
        others = sorted(requests - usual)
        yield from (f"{name}: asked {host} for something" for host in others)
        if name == SEARCH and not FOUND.search(document):
            yield f"{name}: found nothing"


def visit(browser: str, url: str) -> tuple[str, list[str], set[str]]:
    """Return the page as scripts left it, the console's lines, and hosts asked."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "network.json"
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--enable-logging=stderr",
            "--virtual-time-budget=5000",
            f"--user-data-dir={folder}/profile",
            f"--log-net-log={log}",
            "--dump-dom",
            url,
        ]
        done = subprocess.run(  # noqa: S603 - a browser, on our own pages
            command, capture_output=True, text=True, timeout=120, check=True
        )
        asked = re.findall(r'"url":\s*"https?://([^/"]+)', log.read_text("utf-8"))
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, complaints, set(asked)


def main() -> int:
    """Print every problem; 1 if there is one."""
    site = Path(sys.argv[1]).resolve()
    found = list(problems(site))
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser:
        found += browser_problems(site, browser)
    print(json.dumps(found, indent=1) if found else f"{site.name}: no problem found")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
