"""How gunicorn serves voiceapp: several processes, many threads each (a call mostly waits)."""

from typing import Any

from gunicorn.glogging import Logger

from voiceapp.config import load
from voiceapp.logs import CONFIG, loggable_path
from voiceapp.runtime import begin
from voiceapp.status import tallies

_settings = load()
_counts = _settings.instance / "metrics"


class _Logger(Logger):
    """Keeps an access log only for --access-logfile, without numbers and secrets.

    Else gunicorn would put a line together for each call, for nobody.
    """

    @property
    def access_log_enabled(self) -> bool:
        """Say whether somebody wants it."""
        return bool(self.cfg.accesslog)

    def atoms(self, *args: Any) -> Any:
        """Return what a line is made of."""
        atoms = super().atoms(*args)
        return atoms | {"U": loggable_path(atoms["U"])}


bind = f"{_settings.host}:{_settings.port}"
workers = _settings.web_concurrency
worker_class = "gthread"
threads = 256
keepalive = 15  # Twilio reuses connections
timeout = 30
graceful_timeout = 20  # Twilio waits 15 seconds for an answer; let each be given
limit_request_line = 8190  # a webhook by GET has all its fields in the address
# no header says where a path begins, or how somebody connected: what is kept private stays so
forwarded_allow_ips = ""
forwarder_headers = ""
logconfig_dict = CONFIG
logger_class = _Logger
# without the query, in which numbers may stand
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(b)s %(M)sms'
control_socket_disable = True  # it would lie outside of the instance folder


def on_starting(server: Any) -> None:
    """Begin to count anew."""
    tallies.forget(_counts, "web-*")


def pre_fork(server: Any, worker: Any) -> None:
    """Name each process before it is there: the next one goes on with the name of a dead one."""
    worker.counts_as = tallies.web_names.take()


def post_fork(server: Any, worker: Any) -> None:
    """Let all processes count together, so that one can tell of all."""
    tallies.count_together(_counts, worker.counts_as)


def post_worker_init(worker: Any) -> None:
    """Know where calls go before the first one is let in."""
    begin(worker.wsgi)


def child_exit(server: Any, worker: Any) -> None:
    """Let another process have the name of one that ended."""
    tallies.web_names.give_back(worker.counts_as)
