#!/bin/sh
export PORT="${PORT:-8000}"
exec uwsgi uwsgi.ini
