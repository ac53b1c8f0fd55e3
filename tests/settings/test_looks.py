"""How values look wherever they stand."""

import pytest

from voiceapp.settings.looks import milliseconds, unbroken


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("1 found in 49 ms.", '1 found in <span class="number">49 ms</span>.'),
        (
            "+1 202-555-0101 <called> +44 20 7946 0123 & waited 3 s",
            '<span class="number">+1 202-555-0101</span> &lt;called&gt; '
            '<span class="number">+44 20 7946 0123</span> &amp; waited '
            '<span class="number">3 s</span>',
        ),
        ("Sent to Queue 7 stars.", "Sent to Queue 7 stars."),
    ],
)
def test_no_line_ends_within_a_number_or_before_its_unit(sentence, shown):
    assert unbroken(sentence) == shown


def test_times_are_written_as_sentences_have_them():
    assert milliseconds(3004.2) == '<span class="number">3,004 ms</span>'
