"""Ceph's RADOS Gateway, a real S3 server, started on this machine for the time of a test.

Needs the commands of Debian's packages ``radosgw``, ``ceph-mon`` and ``ceph-osd``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from pathlib import Path

from .s3server import S3Server, free_ports

__all__ = ["RadosGateway"]

_COMMANDS = ("monmaptool", "ceph-mon", "ceph-osd", "ceph", "radosgw-admin", "radosgw", "setpriv")
_SETUP_SECONDS = 30

_CONFIGURATION = """
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{monitor}]
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_bind_msgr1 = false
ms_bind_port_min = {first}
ms_bind_port_max = {last}
run_dir = {folder}
crash_dir = {folder}
admin_socket =
pid_file =
log_file = {folder}/$name.log
mon_cluster_log_file = {folder}/cluster.log
paxos_propose_interval = 0.01
paxos_min_wait = 0.01
mon_tick_interval = 1
mon_data_avail_warn = 0
mon_data_avail_crit = 0
mon_allow_pool_size_one = true
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off

[mon]
mon_data = {folder}/mon

[osd]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
osd_data = {folder}/osd
osd_objectstore = memstore
memstore_device_bytes = {capacity}

[client.rgw]
rgw_data = {folder}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_enable_apis = s3
rgw_enable_gc_threads = false
rgw_enable_lc_threads = false
rgw_enable_quota_threads = false
rgw_thread_pool_size = 32
ms_mon_client_mode = crc
"""


class RadosGateway(S3Server):
    """A context manager: a cluster of one monitor and one store in memory, and the gateway in front of it.

    It is started (some 2 s) when entered and killed when left, or when the thread that started it ends. It listens on
    127.0.0.1 alone. It checks signatures, POST policies and Content-MD5; it ignores ``x-amz-checksum-sha256``.

    Args:
        folder: where it keeps its configuration and logs; the caller removes it.
        bucket: made at the start.
        capacity: bytes that it has room for; an object that was deleted still takes its room.
    """

    def __init__(self, folder: Path, *, bucket: str = "drawings", capacity: int = 1 << 30) -> None:
        super().__init__(folder, bucket=bucket)
        self._capacity = capacity

    @staticmethod
    def missing() -> str | None:
        """Why it cannot run here, and what to install; ``None`` when it can."""
        absent = [command for command in _COMMANDS if shutil.which(command) is None]
        if not absent:
            return None
        return f"Ceph RGW is missing ({', '.join(absent)}): apt-get install radosgw ceph-mon ceph-osd"

    def start(self) -> None:
        missing = self.missing()
        if missing is not None:
            raise RuntimeError(missing)
        self.port, monitor, first = free_ports(3)
        fsid, store = str(uuid.uuid4()), str(uuid.uuid4())
        configuration = _CONFIGURATION.format(
            fsid=fsid,
            monitor=monitor,
            first=first,
            last=first + 500,
            folder=self.folder,
            capacity=self._capacity,
            port=self.port,
        )
        (self.folder / "ceph.conf").write_text(configuration)
        for name in ("mon", "osd"):
            (self.folder / name).mkdir()
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{monitor}]", "monmap")
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap")
        self._serve("ceph-mon", "-i", "a")
        self._run("ceph", "--connect-timeout", str(_SETUP_SECONDS), "osd", "new", store)
        self._run("ceph-osd", "--mkfs", "-i", "0", "--osd-uuid", store)
        self._serve("ceph-osd", "-i", "0")
        keys = (f"--access-key={self.access_key}", f"--secret-key={self.secret_key}")
        self._run("radosgw-admin", "-n", "client.rgw", "user", "create", "--uid=tests", "--display-name=tests", *keys)
        self._serve("radosgw", "-n", "client.rgw")
        self._wait_until_put("")  # the bucket

    def _run(self, *command: str) -> None:
        """One step of the setup."""
        log = self.folder / "setup.out"
        with log.open("ab") as output:
            try:
                subprocess.run(  # noqa: S603
                    command, cwd=self.folder, env=self._environment(), timeout=_SETUP_SECONDS, check=True,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                )  # fmt: skip
            except subprocess.SubprocessError as error:
                said = log.read_text(errors="replace")[-3000:]
                raise RuntimeError(f"RadosGateway did not start: {error}\n{said}") from error

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "CEPH_CONF": str(self.folder / "ceph.conf"), "CEPH_ARGS": ""}

    def _serve(self, *command: str) -> None:
        """One of its processes, in the foreground; it ends with us, however we end."""
        self._launch(command[0], ["setpriv", "--pdeathsig", "KILL", *command, "-f"], env=self._environment())
