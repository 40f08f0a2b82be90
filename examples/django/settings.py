"""The settings of the project; ``DB`` is the default of the option ``db``."""

SECRET_KEY = "for this example only"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"

DDBCFG = {"numbers": "native"}  # arguments of ddbcfg_client.connect()
DB = {"host": "localhost", "port": 27017}
