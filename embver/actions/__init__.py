"""One verb a file: a request in, a frozen report out; nothing here prints."""
