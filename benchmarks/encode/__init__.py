"""The encode step side by side with its limits and its peers: `python -m benchmarks.encode CASE`."""
