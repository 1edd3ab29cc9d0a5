"""What Prometheus reads: the status of an appliance in its text format, version 0.0.4."""

from cellar.metrics.exposition import exposition

__all__ = ["exposition"]
