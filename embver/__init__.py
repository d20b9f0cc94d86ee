"""Semantic versions of multimodal embeddings, kept in Git."""

__version__ = "0.1.0"
