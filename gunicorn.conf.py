"""How gunicorn serves voiceapp: several processes, many threads each (a call mostly waits)."""

from voiceapp.config import load
from voiceapp.logs import CONFIG

_settings = load()

bind = f"{_settings.host}:{_settings.port}"
workers = _settings.web_concurrency
worker_class = "gthread"
threads = 64
keepalive = 15  # Twilio reuses connections
timeout = 30
graceful_timeout = 20  # Twilio waits 15 seconds for an answer; let each be given
limit_request_line = 8190  # a webhook by GET has all its fields in the address
logconfig_dict = CONFIG
# for --access-logfile: without the query, in which numbers may stand
access_log_format = '%(h)s %(t)s "%(m)s %(U)s" %(s)s %(b)s %(M)sms'
control_socket_disable = True  # it would lie outside of the instance folder
