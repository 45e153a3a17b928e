"""Reaching a Dask cluster: a scheduler that answers, workers that are there, and the same software as here."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from quantml.errors import MissingExtra, ParameterError
from quantml.installation import versions
from quantml.source import package_digest

if TYPE_CHECKING:
    from distributed import Client

POLL: Final = 0.2
"""Seconds between two looks for a worker."""
PATIENCE: Final = 10.0
"""Seconds to wait for a scheduler at most, unless told otherwise."""
LOCAL: Final = ("localhost", "127.", "[::1]")
"""What the addresses of this machine begin with."""


class NoAnswer(Exception):
    """No scheduler answers at an address; the text says what happened there."""


class NoWorkers(NoAnswer):
    """A scheduler has no workers."""


def require_dask() -> None:
    """Raise `MissingExtra` unless the package distributed is installed."""
    try:
        import distributed  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra.of("dask", "distributed") from error


def usual_timeout() -> float:
    """Seconds to wait for a scheduler: what Dask is configured to wait for a connection, and no more than 10."""
    import dask
    from dask.utils import parse_timedelta

    return min(PATIENCE, float(parse_timedelta(dask.config.get("distributed.comm.timeouts.connect"))))


def connect(address: str, timeout: float) -> Client:
    """Connect to a cluster that has workers, each of one thread and with the software of this process.

    Parameters
    ----------
    address : str
        Of the scheduler.
    timeout : float
        Seconds within which it must answer, and then have a worker.

    Raises
    ------
    NoAnswer
        If no scheduler answers, or it has no workers.
    ParameterError
        If what answers is no scheduler, or has other workers than are needed.
    """
    _check_identity(address, _identity_with_workers(address, timeout))
    client = _client(address, timeout)
    try:
        _check_everywhere(client, timeout)
    except BaseException:
        client.close()
        raise
    return client


def _client(address: str, timeout: float) -> Client:
    from distributed import Client
    from distributed.versions import VersionMismatchWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # what matters is checked, and an error
            return Client(address, timeout=timeout, set_as_default=False, name="quantml")
    except OSError as error:
        raise NoAnswer(str(error)) from error


# ----------------------------------------------------------------- who is there


def _identity_with_workers(address: str, timeout: float) -> Mapping[str, Any]:
    """Ask who a scheduler is, again and again until it has a worker or the time is over."""
    end = time.monotonic() + timeout
    while True:
        identity = identify(address, timeout)
        if identity.get("workers") or time.monotonic() > end:
            return identity
        time.sleep(POLL)


def identify(address: str, timeout: float) -> Mapping[str, Any]:
    """Ask who answers at an address. Dask's own client waits for ever where a port is open and nobody speaks."""
    with ThreadPoolExecutor(1) as beside:  # this thread may have an event loop of its own, as in a notebook
        try:
            return beside.submit(asyncio.run, asyncio.wait_for(_ask(address, timeout), timeout + 1.0)).result()
        except (ValueError, TypeError, RuntimeError, MemoryError) as error:  # the address, TLS, or not Dask's language
            hint = "Give what `dask scheduler` prints; tls:// needs distributed.comm.tls in Dask's configuration."
            must = "be an address such as tcp://127.0.0.1:8786"
            raise ParameterError("Dask.address", must, got=address, where=str(error), hint=hint) from error
        except OSError as error:
            raise NoAnswer(str(error) or f"no word within {timeout:g} s") from error


async def _ask(address: str, timeout: float) -> Mapping[str, Any]:
    from distributed.comm import connect as reach
    from distributed.security import Security

    comm = await reach(address, timeout=timeout, **Security().get_connection_args("client"))
    try:
        await comm.write({"op": "identity", "reply": True})
        answer: Mapping[str, Any] = await comm.read()
    finally:
        comm.abort()
    return answer


def _check_identity(address: str, identity: Mapping[str, Any]) -> None:
    """Raise unless a scheduler answered, which has workers of one thread each."""
    if identity.get("type") != "Scheduler":
        got = f"that of a {identity.get('type', 'stranger')} at {address}"
        raise ParameterError("Dask.address", must="be the address of a scheduler", got=got)
    if not identity["workers"]:
        raise NoWorkers("it has no workers")
    for worker, facts in identity["workers"].items():
        _check_threads(worker, int(facts["nthreads"]))


def _check_threads(worker: str, count: int) -> None:
    """Raise unless a worker has one thread: what Python warns of is collected for a whole process."""
    if count != 1:
        hint = f"Start processes instead: dask worker ADDRESS --nworkers {count} --nthreads 1."
        raise ParameterError("each Dask worker", must="have one thread", got=count, where=worker, hint=hint)


def is_exposed(address: str) -> bool:
    """Say whether what goes to an address leaves this machine unencrypted.

    >>> [is_exposed(f"{start}:8786") for start in ("tcp://10.0.0.5", "tls://10.0.0.5", "tcp://127.0.0.1", "localhost")]
    [True, False, False, False]
    """
    scheme, _, place = address.rpartition("://")
    return scheme not in ("tls", "wss", "inproc") and not place.startswith(LOCAL)


# ----------------------------------------------------------------- what is installed there


@lru_cache(maxsize=1)
def installed() -> dict[str, str]:
    """Versions of what results depend on and travel by in this process, and the digest of quantml's own source."""
    travel = {name: version(name) for name in ("cloudpickle", "distributed")}
    return {**versions(), **travel, "quantml's source": package_digest()[:12]}


def check_this_worker(expected: Mapping[str, str]) -> None:
    """Raise, in a worker, unless it has one thread and the given software: workers may join at any time."""
    from distributed import get_worker

    worker = get_worker()
    _check_threads(worker.address, worker.state.nthreads)
    _check_same(f"the Dask worker {worker.address}", installed(), expected)


def _check_everywhere(client: Client, timeout: float) -> None:
    """Raise unless scheduler and workers have the software of this process."""
    for worker, found in client.run(installed, on_error="return").items():
        _check_same(f"the Dask worker {worker}", found, installed())
    try:
        found = client.run_on_scheduler(installed)
    except Exception as error:  # noqa: BLE001 - whatever was raised there
        found = error
    _check_same(f"the Dask scheduler {client.scheduler.address}", found, installed())


def _check_same(owner: str, found: Mapping[str, str] | BaseException, expected: Mapping[str, str]) -> None:
    hint = "Install the same everywhere."
    if isinstance(found, BaseException):
        got = f"{type(found).__name__}: {found}"
        raise ParameterError(owner, f"have quantml {expected['quantml']} installed", got=got, hint=hint)
    other = [name for name, value in expected.items() if found.get(name) != value]
    if other:
        must = "have what this process has: " + ", ".join(f"{name} {expected[name]}" for name in other)
        got = ", ".join(f"{name} {found.get(name)}" for name in other)
        raise ParameterError(owner, must, got=got, hint=hint)
