#!/bin/sh
exec uvicorn --workers 4 --port "${PORT:-8000}" app:app
