"""Fixtures that cost much and are shared: real servers and clients of other systems, one each a session."""

from __future__ import annotations

from exchange.mlflow_lab import lab

__all__ = ["lab"]
