"""
The engine's store on disk: which records it has, and what they say.

It belongs to nginx, which may add, replace or remove any record at any time. Here records are only
read, and removed as a whole: for nginx a record that is not there is one that has to be fetched.
"""

from cellar.store.keys import Key, Kind, read_key
from cellar.store.records import ForeignRecordError, Record, RecordError, open_record
from cellar.store.search import Folder, Found, search
from cellar.store.selection import Selection, SelectionError
from cellar.store.zones import Entry, Zone, entries, place_of, zones

__all__ = [
    "Entry",
    "Folder",
    "ForeignRecordError",
    "Found",
    "Key",
    "Kind",
    "Record",
    "RecordError",
    "Selection",
    "SelectionError",
    "Zone",
    "entries",
    "open_record",
    "place_of",
    "read_key",
    "search",
    "zones",
]
