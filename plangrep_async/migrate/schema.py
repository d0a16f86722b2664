"""The tables of the journal, for SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = ["VERSION", "documents", "facts", "groups", "leases", "metadata", "samples"]

VERSION = 1

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only INTEGER PRIMARY KEY up by itself

documents = Table(
    "documents",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),
    Column("kind", String(40), nullable=False, server_default="file"),
    Column("path", Text),
    Column("name", Text, nullable=False),
    Column("folder", Text),
    Column("title", Text),
    Column("classification", Text),
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("mtime_ns", BigInteger, nullable=False, server_default="0"),
    Column("inode", BigInteger, nullable=False, server_default="0"),
    Column("sha256", String(64)),
    Column("state", String(20), nullable=False),
    Column("problem", String(20)),
    Column("group_id", BigInteger),
    Column("target_id", Text),
    Column("source", JSON, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("memo", JSON),
    Column("resume", JSON),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("duplicate_of", BigInteger),
    UniqueConstraint("key", name="documents_key"),
    Index("documents_state", "state", "id"),
    Index("documents_sha256", "sha256"),
    Index("documents_group", "group_id"),
    Index("documents_target", "target_id"),
    Index("documents_duplicate", "duplicate_of"),
)
"""One row a document."""

groups = Table(
    "groups",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("state", String(20), nullable=False),
    Column("target_id", Text),
    Column("idempotency_key", Text),
    Column("memo", JSON),
    Column("error", Text),
    Index("groups_state", "state", "id"),
)
"""One row for each job or version that several documents go into."""

facts = Table("facts", metadata, Column("name", String(80), primary_key=True), Column("value", JSON))
"""What is true of the whole migration: its source, target, options and the version of this schema."""

leases = Table(
    "leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("expires_at", Float, nullable=False),
)
"""Who may write; one row."""

samples = Table(
    "samples",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("time", Float, nullable=False),
    Column("documents", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("throttled", BigInteger, nullable=False),
)
"""How a run went over time, a few rows a minute, for the report."""
