"""Artifacts as files on this machine."""
