#!/bin/sh
exec celery --app tasks worker --pool prefork --concurrency 4 --loglevel WARNING
