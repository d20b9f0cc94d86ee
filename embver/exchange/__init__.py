"""One module a foreign format; plain data in and out."""
