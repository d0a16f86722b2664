"""Where documents come from."""

from .manifest import Manifest
from .plangrid import PlanGridSource
from .source import Source
from .tree import FolderTree

__all__ = ["FolderTree", "Manifest", "PlanGridSource", "Source"]
