"""Turn releases into Markdown pages, then build them."""
