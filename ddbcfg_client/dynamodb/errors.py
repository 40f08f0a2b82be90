"""Conversion of botocore's exceptions to ddbcfg's: what happened, to which table, what to do.

The text of an error never contains an item's data.  Messages of the service are included, because
they name tables, roles and limits.  Messages of botocore or Python about a malformed response or a
parameter are not, because they quote it.
"""

from __future__ import annotations

from contextlib import contextmanager

from ddbcfg_client.dynamodb.credentials import is_of_signing, of_source, source_of
from ddbcfg_client.errors import (
    ConfigError,
    CredentialsRefused,
    ResponseMalformed,
    TableError,
    TableNotFound,
    TableThrottled,
    TableUnreachable,
    TransactionRefused,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from botocore.exceptions import BotoCoreError, ClientError

# A longer message is probably a web page.
_LONGEST_MESSAGE = 300

_RENEW = "renew the credentials (aws sso login, a new session token, the instance's role)"
_WHICH = "check which credentials are in use (aws sts get-caller-identity) and for which account"
_SLOW_DOWN = (
    "poll less often, raise the table's read or write units, or bill it on demand; "
    "the capacity of one store is that of one partition"
)

# The error's class and the advice, by the service's error code.
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
        "the account's limit is used up: request a higher one",
    ),
    "InternalServerError": (TableUnreachable, "the service failed: try again"),
    "InternalFailure": (TableUnreachable, "the service failed: try again"),
    "ServiceUnavailable": (TableUnreachable, "the service failed: try again"),
    "KMSAccessDeniedException": (CredentialsRefused, "allow kms:Decrypt on the table's key"),
}

# The advice for the exceptions that botocore itself raises, by name.
_NO_RESPONSE: dict[str, str] = {
    "EndpointConnectionError": "nothing responds there: check endpoint, region, DNS and network",
    "ConnectTimeoutError": "no connection in time: check network, security groups, VPC endpoint",
    "ReadTimeoutError": "no response in time: check network and endpoint",
    "ConnectionClosedError": "the connection broke before the response was complete: try again",
    "ProxyConnectionError": "the HTTP proxy does not respond: check HTTPS_PROXY and NO_PROXY",
    "SSLError": "check the certificate, AWS_CA_BUNDLE, the host's clock, and http against https",
}
_NO_CREDENTIALS: dict[str, str] = {
    "NoCredentialsError": (
        "provide some: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of "
        "the instance; credentials files must be readable by this user"
    ),
    "PartialCredentialsError": "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "CredentialRetrievalError": _RENEW,
    "TokenRetrievalError": _RENEW,
    "SSOTokenLoadError": _RENEW,
    "UnauthorizedSSOTokenError": _RENEW,
    "LoginRefreshRequired": _RENEW,
    "MetadataRetrievalError": "the instance's metadata service did not return the role: try again",
    "ProfileNotFound": "check AWS_PROFILE and ~/.aws/config",
}
# These have better advice than their source of credentials has.
_SAYS_WHAT_TO_DO = _NO_CREDENTIALS.keys() - {"CredentialRetrievalError", "MetadataRetrievalError"}
_URLS = "check HTTPS_PROXY, HTTP_PROXY and the endpoint"
_NO_REGION = "name one: --region, AWS_REGION or ~/.aws/config"


@contextmanager
def explained(table: str, operation: str, where: str = "") -> Iterator[None]:
    """Convert the exceptions of botocore calls in the ``with`` block to ``TableError``.

    ``where`` has region and endpoint, for the messages that need them.  The block must only contain
    calls of botocore and the parsing of their responses, because an exception of Python in it is
    reported as a malformed response.
    """
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        explanation = _explanation(error, table, operation, where)
        if explanation is None:
            raise
        # A traceback shows the text of the cause too, which can contain a value.
        raise explanation from (error if _may_be_shown(error) else None)


def _explanation(error: Exception, table: str, operation: str, where: str) -> TableError | None:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    code = type(error).__name__
    source = None if code in _SAYS_WHAT_TO_DO else source_of(error)
    if source is not None:
        if isinstance(error, ClientError):
            code = str(error.response.get("Error", {}).get("Code") or "no code")
        return of_source(source, code, _said_by_source(error), table, operation)
    if isinstance(error, ClientError):
        return of_client_error(error, table, operation, where)
    if isinstance(error, BotoCoreError):
        return of_botocore_error(error, table, operation, where)
    if is_of_signing(error):
        return _not_signed(table, operation, code)
    parsing = (ResponseParserError, ArithmeticError, AttributeError, LookupError, TypeError)
    if isinstance(error, (*parsing, ValueError, RecursionError)):
        return malformed(table, operation, f"it does not parse ({code})")
    return None


def _said_by_source(error: Exception) -> str:
    """Return the message of a source of credentials, without anything that may be a credential."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        return f"{error.operation_name}: {_message_of(error)}"
    if isinstance(error, BotoCoreError):
        return hidden(str(error))
    if isinstance(error, OSError):
        of = f" {error.filename!r}" if error.filename else ""
        return f"{error.strerror or type(error).__name__}{of}"
    if isinstance(error, UnicodeError):
        return "its output is not UTF-8"
    return f"its output does not parse ({type(error).__name__})"


def _may_be_shown(error: Exception) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    if not isinstance(error, (BotoCoreError, ClientError)):
        return False
    # The first quotes the parameters, the second parts of a response that it cannot parse.
    if type(error).__name__ in ("ParamValidationError", "HTTPClientError"):
        return False
    return "//" not in str(error) or "@" not in str(error)


def _message_of(error: ClientError) -> str:
    return _one_line(str(error.response.get("Error", {}).get("Message") or ""))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_MESSAGE]


def hidden(text: str) -> str:
    """Return botocore's message as one line, without user and password of the URL that it quotes.

    They can contain any character, so everything up to the last ``@`` is removed.
    """
    from re import sub

    return sub(r"(?<=//).*@", "***@", " ".join(text.split()))[:_LONGEST_MESSAGE]


def malformed(table: str, operation: str, flaw: str) -> ResponseMalformed:
    """Return the error for a malformed response; ``flaw`` says what is wrong with it."""
    return ResponseMalformed(
        table,
        operation,
        "malformed response",
        f"{flaw}; something between this host and DynamoDB may have sent the response: "
        "check endpoint and proxies",
    )


def of_client_error(error: ClientError, table: str, operation: str, where: str) -> TableError:
    """Return the error for an error response of the service."""
    response = error.response
    details = response.get("Error", {})
    code = str(details.get("Code") or "no code")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code.isdigit() or code == "no code":
        # The body is not an error of the service, so its text is not included.
        reason = f"HTTP status {status} without an error of DynamoDB's: a proxy, or an outage"
        return TableUnreachable(table, operation, code, reason)

    said = _message_of(error)
    if code in ("TransactionCanceledException", "TransactionConflictException"):
        cancelled: Any = response.get("CancellationReasons", ())
        reasons = tuple(str(reason.get("Code")) for reason in cancelled)
        return TransactionRefused(table, operation, code, said, reasons)
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
    """Return the error for a request without a response."""
    from botocore.exceptions import HTTPClientError

    code = type(error).__name__
    # The message quotes the endpoint and the proxy, which can contain a password.
    said = hidden(str(error))
    if code in _NO_CREDENTIALS:
        return CredentialsRefused(table, operation, code, f"{said}; {_NO_CREDENTIALS[code]}")
    if code in _NO_RESPONSE:
        return TableUnreachable(table, operation, code, f"{said}; {_NO_RESPONSE[code]}")
    if code == "NoRegionError":
        return TableError(table, operation, code, f"{said.rstrip('.')}; {_NO_REGION}")
    if code == "ParamValidationError":
        return TableError(table, operation, code, "a name or a value is not of the type it must be")
    if isinstance(error, HTTPClientError) and is_of_signing(error.kwargs.get("error")):
        return _not_signed(table, operation, code)
    if isinstance(error, HTTPClientError) and isinstance(error.kwargs.get("error"), ValueError):
        # Not quoted: the message can contain a part of the password.
        return TableUnreachable(table, operation, code, f"a URL does not parse; {_URLS}")
    if code in ("HTTPClientError", "ResponseStreamingError", "IncompleteReadError"):
        return TableUnreachable(table, operation, code, f"{said}; the response is incomplete")
    return TableError(table, operation, code, said)


def _not_signed(table: str, operation: str, code: str) -> CredentialsRefused:
    # Python's own message quotes the credential.
    reason = (
        "the request cannot be signed: an access key, a session token or the region holds a line "
        "end or another character that no HTTP header can have; check what they are read from"
    )
    return CredentialsRefused(table, operation, code, reason)
