"""What the studies of documents share: texts, a transformer, and many of them."""

from __future__ import annotations
