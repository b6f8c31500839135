"""Weaver's log."""

from weaver.utils.logger import _logger as logger

__all__ = ["logger"]
