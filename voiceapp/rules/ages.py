"""How old what a CRM said may be, in words."""

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def span(seconds: float) -> str:
    """
    Write a time in the largest unit that it fills, rounded down.

    >>> span(300), span(86_400), span(90), span(1.9), span(0.2)
    ('5 minutes', '1 day', '1 minute', '1 second', 'a moment')
    """
    for size, unit in _UNITS:
        count = int(seconds // size)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "a moment"


def counting(fresh: int, *, is_beyond: bool = False) -> str:
    """
    Say for how long an answer counts; `is_beyond` if that is longer than it may stand in.

    >>> counting(300), counting(0)
    ('What the CRM said of a caller counts for 5 minutes', 'The CRM is asked anew for each call')
    """
    if not fresh:
        return "The CRM is asked anew for each call"
    counts = f"What the CRM said of a caller counts for {span(fresh)}"
    return f"{counts}; nothing older stands in if it fails" if is_beyond else counts


def counts_for(seconds: int) -> str:
    """
    Say for how long an answer counts, as the page of a rule offers it.

    >>> counts_for(300), counts_for(0)
    ('5 minutes', 'no other call: ask anew each time')
    """
    return span(seconds) if seconds else "no other call: ask anew each time"


def stands_in(seconds: int) -> str:
    """
    Say which older answer is taken where the CRM fails, as the page of a rule offers it.

    >>> stands_in(3600), stands_in(0)
    ('up to 1 hour old', 'none: the call goes where “CRM failed” leads')
    """
    return (
        f"up to {span(seconds)} old" if seconds else "none: the call goes where “CRM failed” leads"
    )
