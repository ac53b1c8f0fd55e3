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


def freshness(seconds: int) -> str:
    """
    Say for how long an answer counts.

    >>> freshness(300), freshness(0)
    ('Answers count for 5 minutes', 'The CRM is asked anew each time')
    """
    return f"Answers count for {span(seconds)}" if seconds else "The CRM is asked anew each time"


def staleness(seconds: int) -> str:
    """
    Say how old an answer may be that counts where the CRM fails.

    >>> staleness(3600), staleness(0)
    ('If the CRM fails, answers up to 1 hour old count', 'If the CRM fails, no older answer counts')
    """
    if not seconds:
        return "If the CRM fails, no older answer counts"
    return f"If the CRM fails, answers up to {span(seconds)} old count"


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
