"""How gunicorn serves voiceapp: several processes, many threads each (a call mostly waits)."""

from gunicorn.glogging import Logger

from voiceapp.config import load
from voiceapp.logs import CONFIG

_settings = load()


class _Logger(Logger):
    """Keeps no access log; else gunicorn would put a line together for each call, for nobody."""

    access_log_enabled = False


bind = f"{_settings.host}:{_settings.port}"
workers = _settings.web_concurrency
worker_class = "gthread"
threads = 256
keepalive = 15  # Twilio reuses connections
timeout = 30
graceful_timeout = 20  # Twilio waits 15 seconds for an answer; let each be given
limit_request_line = 8190  # a webhook by GET has all its fields in the address
logconfig_dict = CONFIG
logger_class = _Logger
control_socket_disable = True  # it would lie outside of the instance folder
