"""What the figures mean, where that is not plain; written by people who looked at a profile."""

from collections.abc import Mapping

REMARKS: Mapping[str, str] = {
    "warm": (
        "Out of reach by a third. The floor answers with one fixed sentence; a call of ours "
        "reads the fields, looks into memory, compares, explains, and writes its decision "
        "down before it answers: about 130 µs of processor time in process, on top of 185. "
        "Sampled under load, a quarter of ours goes into the journal, and 11 in 100 are spent "
        "waiting at its lock, under which the system is asked twice; that is the next half to "
        "be had. Runs of 2 s spread widely."
    ),
    "asked": (
        "Express is out of reach for a program in CPython: it answers more calls than even "
        "the floor does, which asks nobody. Against what people write in Python, ours is well "
        "beyond the goal."
    ),
    "slow": (
        "Short of the goal by 0.05 in runs of 2 s. What holds it was not looked at with a profile "
        "yet."
    ),
    "dead": (
        "Short of the goal. Each call looked up the board on which the CRM stands and wrote a "
        "line to the log; the line is gone since, which brought 0.86 (0.45–1.04) in a run of "
        "its own. The board is a file, read and parsed at each call."
    ),
    "rules": ("The runs of 2 s spread from 0.43 to 1.04; the median says little."),
    "rows": (
        "The dashboard adds up a week of quarter hours, and takes 29 ms with a million calls "
        "against 10 ms with a thousand: more than twice, though nobody waits for it."
    ),
}
"""A paragraph for the name of a measure."""
