#!/bin/sh
exec gunicorn --workers 4 --bind "127.0.0.1:${PORT:-8000}" wsgi:application
