"""Pages in a headless browser, for tests that need one."""

from __future__ import annotations

import importlib.util
import json
import shutil
from html import unescape
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[1] / "docs" / "check_site.py"
_ANSWER = '<pre id="answer">'


def _check_site():
    spec = importlib.util.spec_from_file_location("check_site", _SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(page, script, folder, *, harmless=()):
    """Load a page, run a script's statements on it, and return what they return.

    The test is skipped without a browser, and fails if the page asks the network for
    anything or tells the console anything but lines with words of `harmless`.
    """
    check_site = _check_site()
    browser = next(filter(None, map(shutil.which, check_site.BROWSERS)), None)
    if browser is None:
        pytest.skip("no browser")
    asking = (
        "<script>addEventListener('load', async () => {"
        "const element = document.createElement('pre'); element.id = 'answer';"
        f"const value = await (async () => {{ {script} }})();"
        "element.textContent = JSON.stringify(value);"
        "document.body.append(element); })</script>"
    )
    path = folder / "page.html"
    # Only the last is the page's own: a library's code may have the same words.
    before, _, after = page.rpartition("</body>")
    path.write_text(f"{before}{asking}</body>{after}", "utf-8")
    _, _, usual = check_site.visit(browser, "data:,")  # asked for whatever the page
    document, complaints, requests = check_site.visit(browser, f"file://{path}")
    others = [it for it in complaints if not any(word in it for word in harmless)]
    assert not others, others[0][:500]
    assert requests <= usual
    assert _ANSWER in document
    return json.loads(unescape(document.split(_ANSWER)[1].split("</pre>")[0]))
