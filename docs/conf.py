"""How `make docs` builds the site."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import memmetrics

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "memmetrics"
author = "memmetrics contributors"
copyright = "memmetrics contributors, MIT licence"  # noqa: A001 - Sphinx's name
release = version = memmetrics.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "api_pages",
    "mathml",
]
exclude_patterns = ["gallery", "findings/*_words.md"]  # the latter are in their pages
templates_path = ["_templates"]

# Wrong references are errors, except to other packages: finding those takes a network.
nitpicky = True
nitpick_ignore_regex = [
    (r"py:.*", r"(collections|numpy|pandas|matplotlib|scipy|torch|joblib)\..*"),
]
autodoc_typehints = "none"  # numpydoc's sections say it, with shapes
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# The gallery prints what is logged; how runs are stacked is no part of its stories.
logging.getLogger("memmetrics").setLevel(logging.WARNING)
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/",
    "within_subsection_order": "FileNameSortKey",
    "reset_modules": ("matplotlib",),
    "show_memory": False,
    "show_signature": False,
    "write_computation_times": False,
    "download_all_examples": False,
    "image_scrapers": ("matplotlib",),
}

html_theme = "furo"
html_title = f"memmetrics {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"  # browsers draw it themselves: no fonts, no scripts
# Summaries would be fetched, which browsers refuse for pages opened from a disk.
html_show_search_summary = False
html_copy_source = False
html_show_sourcelink = False
html_domain_indices = False
