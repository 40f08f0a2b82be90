#!/bin/sh
exec uvicorn --workers 2 --port "${PORT:-8000}" app:app
