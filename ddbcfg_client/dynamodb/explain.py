"""botocore's exceptions, told as ddbcfg's: what happened, to which table, and what to do.

No text of an error ever holds an item's data.  Messages of the service are passed on, for they
name tables, roles and limits; whatever botocore or Python say about an answer they could not
parse, or about a parameter, is not, for it quotes what they were given.
"""

from __future__ import annotations

from contextlib import contextmanager

from ddbcfg_client.errors import (
    AnswerMalformed,
    CredentialsRefused,
    TableError,
    TableNotFound,
    TableThrottled,
    TableUnreachable,
)
from ddbcfg_client.printable import without_passwords

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.exceptions import BotoCoreError, ClientError

# A message longer than this is somebody's web page.
_LONGEST_MESSAGE = 300

_RENEW = "renew the credentials (aws sso login, a new session token, the instance's role)"
_WHICH = "check which credentials are in use (aws sts get-caller-identity) and for which account"
_SLOW_DOWN = (
    "poll less often, raise the table's read or write units, or bill it on demand; "
    "the capacity of one store is that of one partition"
)

# What to do, by the code that the service answered with.
_ADVICE: dict[str, tuple[type[TableError], str]] = {
    "ExpiredTokenException": (CredentialsRefused, _RENEW),
    "ExpiredToken": (CredentialsRefused, _RENEW),
    "RequestExpired": (CredentialsRefused, "set the host's clock"),
    "InvalidSignatureException": (
        CredentialsRefused,
        "check the secret access key, the region, and the host's clock",
    ),
    "UnrecognizedClientException": (CredentialsRefused, _WHICH),
    "InvalidClientTokenId": (CredentialsRefused, _WHICH),
    "MissingAuthenticationTokenException": (CredentialsRefused, _WHICH),
    "IncompleteSignatureException": (CredentialsRefused, _WHICH),
    "ProvisionedThroughputExceededException": (TableThrottled, _SLOW_DOWN),
    "ThrottlingException": (TableThrottled, _SLOW_DOWN),
    "RequestLimitExceeded": (
        TableThrottled,
        "the account's limit is used up: ask for a higher one",
    ),
    "InternalServerError": (TableUnreachable, "the service failed: try again"),
    "InternalFailure": (TableUnreachable, "the service failed: try again"),
    "ServiceUnavailable": (TableUnreachable, "the service failed: try again"),
    "KMSAccessDeniedException": (CredentialsRefused, "allow kms:Decrypt on the table's key"),
}

# The same for the exceptions that botocore itself raises, by name.
_NO_ANSWER: dict[str, str] = {
    "EndpointConnectionError": "nothing answers there: check endpoint, region, DNS and network",
    "ConnectTimeoutError": "no connection in time: check network, security groups, VPC endpoint",
    "ReadTimeoutError": "no answer in time: check network and endpoint",
    "ConnectionClosedError": "the connection broke before the answer was whole: try again",
    "ProxyConnectionError": "the proxy does not answer: check HTTPS_PROXY and NO_PROXY",
    "SSLError": "check the certificate, AWS_CA_BUNDLE, the host's clock, and http against https",
}
_NO_CREDENTIALS: dict[str, str] = {
    "NoCredentialsError": (
        "give the process some: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, "
        "or the role of the instance"
    ),
    "PartialCredentialsError": "give both halves: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "CredentialRetrievalError": _RENEW,
    "TokenRetrievalError": _RENEW,
    "SSOTokenLoadError": _RENEW,
    "UnauthorizedSSOTokenError": _RENEW,
    "LoginRefreshRequired": _RENEW,
    "MetadataRetrievalError": "the instance's metadata service does not give the role: try again",
    "ProfileNotFound": "check AWS_PROFILE and ~/.aws/config",
}
_NO_REGION = "name one: --region, AWS_REGION or ~/.aws/config"


@contextmanager
def explained(table: str, operation: str, where: str = "") -> Iterator[None]:
    """Raise whatever a botocore call inside of it raises as a :class:`TableError`.

    ``where`` names region and endpoint, for the errors that depend on them.  Only calls of botocore
    and the reading of their answers belong inside: an exception that Python raises there is taken
    to mean that the answer was not one of DynamoDB's.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise of_client_error(error, table, operation, where) from error
    except BotoCoreError as error:
        # The text of a ParamValidationError quotes the parameters, and so would its traceback.
        cause = None if type(error).__name__ == "ParamValidationError" else error
        raise of_botocore_error(error, table, operation, where) from cause
    except (
        ResponseParserError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:
        raise malformed(table, operation, f"it does not parse ({type(error).__name__})") from None


def malformed(table: str, operation: str, flaw: str) -> AnswerMalformed:
    """Return the error that says what is wrong with an answer."""
    return AnswerMalformed(
        table,
        operation,
        "malformed answer",
        f"{flaw}; something between this host and DynamoDB may have answered in its place: "
        "check endpoint and proxies",
    )


def of_client_error(error: ClientError, table: str, operation: str, where: str) -> TableError:
    """Return the error that tells what the service answered."""
    response = error.response
    answer = response.get("Error", {})
    code = str(answer.get("Code") or "no code")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code.isdigit() or code == "no code":
        # The body was no error of the service, so what it says is not passed on.
        reason = f"HTTP status {status} without an error of DynamoDB's: a proxy, or an outage"
        return TableUnreachable(table, operation, code, reason)

    said = " ".join(str(answer.get("Message") or "").split())[:_LONGEST_MESSAGE]
    kind, advice = TableError, ""
    if code in _ADVICE:
        kind, advice = _ADVICE[code]
    elif code == "ResourceNotFoundException":
        kind = TableNotFound
        advice = f"looked {where or 'there'}: check name, region and account, or create the table"
    elif code in ("AccessDeniedException", "AccessDenied"):
        kind, advice = CredentialsRefused, f"allow dynamodb:{operation} on the table"
    elif status >= 500:
        kind, advice = TableUnreachable, "the service failed: try again"
    return kind(table, operation, code, "; ".join(filter(None, (said, advice))))


def of_botocore_error(error: BotoCoreError, table: str, operation: str, where: str) -> TableError:
    """Return the error that tells why botocore got no answer."""
    code = type(error).__name__
    # It quotes the endpoint and the proxy, which can hold a password.
    said = without_passwords(" ".join(str(error).split()))[:_LONGEST_MESSAGE]
    if code in _NO_CREDENTIALS:
        return CredentialsRefused(table, operation, code, f"{said}; {_NO_CREDENTIALS[code]}")
    if code in _NO_ANSWER:
        return TableUnreachable(table, operation, code, f"{said}; {_NO_ANSWER[code]}")
    if code == "NoRegionError":
        return TableError(table, operation, code, f"{said} {_NO_REGION}")
    if code == "ParamValidationError":
        return TableError(table, operation, code, "a name or a value is not of the type it must be")
    if code in ("HTTPClientError", "ResponseStreamingError", "IncompleteReadError"):
        return TableUnreachable(table, operation, code, f"{said}; the answer did not come whole")
    return TableError(table, operation, code, said)
