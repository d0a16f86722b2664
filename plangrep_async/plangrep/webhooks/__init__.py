"""Webhooks: hints that a job has changed. How they are signed is not documented, so the scheme is the user's to set."""

from .inbox import WebhookInbox
from .verifier import WebhookVerifier

__all__ = ["WebhookInbox", "WebhookVerifier"]
