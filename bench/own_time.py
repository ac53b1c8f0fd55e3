"""How long voiceapp itself takes for a call, with as many calls as a busy day brings."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median, quantiles

from bench import crm, sides
from bench.calls import Callers
from bench.finding import Finding, at_most
from bench.load import Load, WrongAnswer, right_answer
from bench.settings import Bench

_RATE = 100
_CRM_MS = 100
_RUNS = 3
_SECONDS_EACH = 5  # times those of a run, so that 1 of 100 is more than a few


def own_time(bench: Bench) -> Sequence[Finding]:
    """Calls come at random moments, 100 a second, whether or not those before are answered."""
    seconds = _SECONDS_EACH * bench.seconds
    with ExitStack() as stack:
        asked = stack.enter_context(crm.answering(bench.folder, bench.authority, _CRM_MS))
        ours = stack.enter_context(sides.voiceapp(bench.folder, "own_time", asked))
        Load(Callers(), _RATE // 2, bench.seconds).on(ours.port)
        runs = [asyncio.run(_placed(ours.port, seconds)) for _ in range(_RUNS)]
    p99s = [quantiles(times, n=100)[98] - _CRM_MS for times in runs]
    middles = [median(times) - _CRM_MS for times in runs]
    spread = ", ".join(f"{one:.1f}" for one in sorted(p99s))
    finding = at_most(
        f"own time of a call at {_RATE} calls/s, 99 of 100 within",
        median(p99s),
        10,
        "ms",
        f"the runs: {spread} ms; half of the calls within {median(middles):.1f} ms",
        f"the CRM takes {_CRM_MS} ms, which are taken off; every call asks it",
    )
    return (finding,)


async def _placed(port: int, seconds: int) -> list[float]:
    """Place calls for so many seconds; return the milliseconds that each answer took."""
    callers, loop = Callers(), asyncio.get_running_loop()
    right = right_answer(port, callers, "vip")
    line = _Line(port, right)
    chance = random.Random(1)  # the same moments in each run
    moment, placing = loop.time(), []
    for request in callers.requests(_RATE * seconds):
        moment += chance.expovariate(_RATE)
        await asyncio.sleep(max(0.0, moment - loop.time()))
        placing.append(asyncio.create_task(line.call(request, moment)))
    times = await asyncio.gather(*placing)
    line.close()
    return times


class _Line:
    """Connections that are kept, and as many more as are needed at a moment."""

    def __init__(self, port: int, right: bytes) -> None:
        self._port = port
        self._right = right
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call(self, request: bytes, moment: float) -> float:
        """Return the milliseconds from the moment the call came until its answer was there."""
        reader, writer = (
            self._idle.pop()
            if self._idle
            else await asyncio.open_connection("127.0.0.1", self._port)
        )
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-le")]
        body = await reader.readexactly(int(lengths[0].split(b":")[1]))
        took = asyncio.get_running_loop().time() - moment
        if not head.startswith(b"HTTP/1.1 200") or body != self._right:
            raise WrongAnswer(f"{head!r} {body[:300]!r}")
        self._idle.append((reader, writer))
        return took * 1000

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()
