"""How SugarCRM and SuiteCRM say that they let nobody in: not as OAuth has it."""

from collections.abc import Callable
from typing import Any

from voiceapp.crm.contract import CrmError
from voiceapp.crm.door import Door, HttpAnswer


class KnowingDoor:
    """Passes requests on; `fault` knows by an answer what was wrong, before anybody else looks."""

    def __init__(self, door: Door, fault: Callable[[HttpAnswer], CrmError | None]) -> None:
        self._door = door
        self._fault = fault

    def request(self, method: str, url: str, **rest: Any) -> HttpAnswer:
        """Return the answer to one request, or raise `CrmError`."""
        answer = self._door.request(method, url, **rest)
        wrong = self._fault(answer)
        if wrong is not None:
            raise wrong
        return answer
