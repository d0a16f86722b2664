"""Packets: sheets printed as one PDF."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from ..._checks import is_number
from ...errors import InvalidInputError, JobFailedError, WaitTimeoutError
from ...session.call import NOT_GIVEN, NotGiven
from .._context import CallArguments
from .._download import download
from .._resource import Resource
from .._rules import check_flag, check_uids, given
from ..models import Packet, PacketStatus

__all__ = ["Packets"]

_SLOWER = 1.5
_SLOWEST = 10.0


class Packets(Resource):
    """The part of :class:`Sheets` that prints them."""

    async def create_packet(
        self,
        sheet_uids: Sequence[str],
        *,
        include_annotations: bool | NotGiven = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> Packet:
        """Start to print sheets into one PDF ("Create Sheet Packet"); :meth:`wait_for_packet` tells when it is there.

        Args:
            sheet_uids: at least one.
            include_annotations: ``False`` leaves published annotations out (since 1.16).
            **options: of this call.
        """
        body: dict[str, Any] = given(
            sheet_uids=check_uids(sheet_uids, "sheet_uids", at_least=1),
            include_annotations=include_annotations
            if isinstance(include_annotations, NotGiven)
            else check_flag(include_annotations, "include_annotations"),
        )
        return await self._post(Packet, options, body, "sheets", "packets")

    async def get_packet(self, packet_uid: str, **options: Unpack[CallArguments]) -> Packet:
        """How far a packet is ("Retrieve Sheet Packet")."""
        return await self._get(Packet, options, "sheets", "packets", packet_uid)

    async def wait_for_packet(
        self, packet: Packet | str, *, interval: float = 1.0, give_up: float = 600.0, **options: Unpack[CallArguments]
    ) -> Packet:
        """Ask until the packet is there.

        Args:
            packet: the packet, or its uid.
            interval: seconds before the second question; each wait is half as long again, up to ten seconds. Asking
                takes from the limit a second, and from the daily one as far as is known.
            give_up: seconds in all.
            **options: of each question.

        Raises:
            InvalidInputError: a time is negative.
            JobFailedError: PlanGrid could not make it (``errored``).
            WaitTimeoutError: it took too long; ``last`` is the packet. It goes on being made.
        """
        uid = packet.uid if isinstance(packet, Packet) else packet
        if not (is_number(interval) and is_number(give_up) and interval >= 0 and give_up >= 0):
            raise InvalidInputError(f"interval={interval!r}, give_up={give_up!r}: both must be 0 seconds or more")
        clock = self._context.session.clock
        end = clock.monotonic() + give_up
        while True:
            last = await self.get_packet(uid, **options)
            if last.status == PacketStatus.COMPLETE:
                return last
            if last.status == PacketStatus.ERRORED:
                raise JobFailedError(f"the packet {uid} could not be made: its status is errored", job=last)
            if clock.monotonic() + interval > end:
                raise WaitTimeoutError(
                    f"the packet {uid} was not there after {give_up:g} s; its status is {last.status}",
                    last_status=last.status,
                    last=last,
                )
            await clock.sleep(interval)
            interval = min(max(interval * _SLOWER, 0.1), max(interval, _SLOWEST))

    async def download_packet(
        self, packet: Packet | str, to: str | os.PathLike[str], **options: Unpack[CallArguments]
    ) -> Path:
        """Fetch the PDF, which appears under its name when it is whole; an older file there is replaced.

        Args:
            packet: the packet once it is complete, or its uid.
            to: the file to write; its folder must exist.
            **options: of the fetch; its deadline (600 s by default) covers the whole file.

        What is stored with ``Content-Encoding: gzip`` is unpacked. Other encodings, and parts of a file, are refused
        with a ``DecodeError``.

        Cancelled: nothing is left behind, and an older file stays unless the new one was being renamed already.
        """
        rest = self._context.countdown(options)
        record = packet if isinstance(packet, Packet) else await self.get_packet(packet, **rest())

        async def renew() -> str | None:
            return (await self.get_packet(record.uid, **rest())).file_url

        return await download(self._context, record.file_url, to, rest, renew)
