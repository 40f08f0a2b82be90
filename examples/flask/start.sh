#!/bin/sh
exec gunicorn --preload --workers 4 --bind "127.0.0.1:${PORT:-8000}" app:app
