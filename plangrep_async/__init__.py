"""Asyncio client for the Plangrep open API and the PlanGrid API, with a concurrent upload engine."""
