"""Linear algebra of many short vectors: second moments, of rows of any lengths."""
