"""What the bench counts on: genuine calls, and a fair choice of pairs."""

from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator

from bench.calls import BASE, TARGET, TOKEN, Callers
from bench.load import Run
from bench.pairs import compare


def fields(request: bytes) -> dict[str, str]:
    return dict(parse_qsl(request.decode().partition("\r\n\r\n")[2]))


def run(rate: float) -> Run:
    return Run(calls=0, rate=rate, median_ms=0, p99_ms=0)


def test_calls_are_signed_as_twilio_signs_them():
    [request] = Callers().requests(1)

    head, _, body = request.decode().partition("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert RequestValidator(TOKEN).validate(
        BASE + TARGET, fields(request), headers["X-Twilio-Signature"]
    )
    assert int(headers["Content-Length"]) == len(body)


def test_no_call_has_the_id_of_another_and_strangers_call_once():
    familiar = [fields(one) for one in Callers(again=2, dids=2).requests(6)]
    strangers = [fields(one) for one in Callers().requests(6)]

    assert len({one["CallSid"] for one in familiar + strangers}) == 12
    assert len({one["From"] for one in familiar}) == 2
    assert len({one["To"] for one in familiar}) == 2
    assert len({one["From"] for one in strangers}) == 6


def test_a_pair_with_a_disturbed_reference_is_run_again():
    ours = iter([run(1), run(50), run(50), run(90)])
    reference = iter([run(1), run(100), run(69), run(100)])

    compared = compare(lambda: next(ours), lambda: next(reference), 2)

    assert [pair.ratio for pair in compared.pairs] == [0.5, 0.9]
    assert compared.again == 1
    assert compared.ratio == 0.7


def test_where_the_reference_stays_disturbed_all_pairs_count_after_a_while():
    rates = iter([1, 100, *[10] * 5])

    compared = compare(lambda: run(10), lambda: run(next(rates)), 2)

    assert [pair.ratio for pair in compared.pairs] == [0.1, 1.0]
    assert compared.again == 4
