"""Adapters, each owning one outside thing: git, git-lfs, YAML, schemas, templates, files."""
