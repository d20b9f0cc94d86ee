"""Stamp a vector store with the space of its vectors, and refuse queries that were encoded in another one.

from embver import guard
guard.stamp("index.faiss", embver.open("products@2.1.0"))
guard.check("index.faiss", embver.open("products@2.2.0"))  # raises SpaceMismatch, or returns the decision
"""

from embver.errors import StampError
from embver.guard.checking import check, guarded, inspect, read, stamp
from embver.guard.decision import Decision, Pairing, SpaceMismatch
from embver.guard.faiss_index import read_index, write_index
from embver.guard.stamp import Stamp, StampedSpace, parse_stamp
from embver.guard.stores import Callbacks, Store, store_of

__all__ = [
    "Callbacks",
    "Decision",
    "Pairing",
    "SpaceMismatch",
    "Stamp",
    "StampError",
    "StampedSpace",
    "Store",
    "check",
    "guarded",
    "inspect",
    "parse_stamp",
    "read",
    "read_index",
    "stamp",
    "store_of",
    "write_index",
]
