"""Where documents go."""

from .folder import FolderTarget
from .plangrep import PlangrepTarget
from .plangrid import PlanGridTarget
from .target import Estimate, Target, Verified

__all__ = ["Estimate", "FolderTarget", "PlanGridTarget", "PlangrepTarget", "Target", "Verified"]
