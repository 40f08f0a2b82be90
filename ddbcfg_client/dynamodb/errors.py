"""botocore's exceptions, told as ddbcfg's: what happened, to which table, and what to do.

No text of an error ever holds an item's data.  Messages of the service are passed on, for they
name tables, roles and limits; whatever botocore or Python say about an answer they could not
parse, or about a parameter, is not, for it quotes what they were given.
"""

from __future__ import annotations

from contextlib import contextmanager

from ddbcfg_client.dynamodb.credentials import is_of_signing, of_source, source_of
from ddbcfg_client.errors import (
    AnswerMalformed,
    ConfigError,
    CredentialsRefused,
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
    "ProxyConnectionError": "no such HTTP proxy answers: check HTTPS_PROXY and NO_PROXY",
    "SSLError": "check the certificate, AWS_CA_BUNDLE, the host's clock, and http against https",
}
_NO_CREDENTIALS: dict[str, str] = {
    "NoCredentialsError": (
        "give the process some: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, "
        "or the role of the instance; files of them must be readable by this user"
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
# Of whatever source of credentials these are, they say more than its name does.
_SAYS_WHAT_TO_DO = _NO_CREDENTIALS.keys() - {"CredentialRetrievalError", "MetadataRetrievalError"}
_URLS = "check HTTPS_PROXY, HTTP_PROXY and the endpoint"
_NO_REGION = "name one: --region, AWS_REGION or ~/.aws/config"


@contextmanager
def explained(table: str, operation: str, where: str = "") -> Iterator[None]:
    """Raise whatever a botocore call inside of it raises as a :class:`TableError`.

    ``where`` names region and endpoint, for the errors that depend on them.  Only calls of botocore
    and the reading of their answers belong inside: an exception that Python raises there is taken
    to mean that the answer was not one of DynamoDB's.
    """
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        explanation = _explanation(error, table, operation, where)
        if explanation is None:
            raise
        # A traceback shows the cause's text, so that must have nothing to hide either.
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
    """What a source of credentials said, without what may be part of a credential."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        return f"{error.operation_name}: {_message_of(error)}"
    if isinstance(error, BotoCoreError):
        return hidden(str(error))
    if isinstance(error, OSError):
        of = f" {error.filename!r}" if error.filename else ""
        return f"{error.strerror or type(error).__name__}{of}"
    if isinstance(error, UnicodeError):
        return "what it gave is not UTF-8"
    return f"what it gave does not parse ({type(error).__name__})"


def _may_be_shown(error: Exception) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError

    if not isinstance(error, (BotoCoreError, ClientError)):
        return False
    # The first quotes the parameters, the second pieces of what it cannot parse.
    if type(error).__name__ in ("ParamValidationError", "HTTPClientError"):
        return False
    return "//" not in str(error) or "@" not in str(error)


def _message_of(error: ClientError) -> str:
    return _one_line(str(error.response.get("Error", {}).get("Message") or ""))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_MESSAGE]


def hidden(text: str) -> str:
    """Return what botocore says as one line, without user and password of the URL that it quotes.

    They can hold any character, so all up to the last ``@`` goes.
    """
    from re import sub

    return sub(r"(?<=//).*@", "***@", " ".join(text.split()))[:_LONGEST_MESSAGE]


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
    """Return the error that tells why botocore got no answer."""
    from botocore.exceptions import HTTPClientError

    code = type(error).__name__
    # It quotes the endpoint and the proxy, which can hold a password.
    said = hidden(str(error))
    if code in _NO_CREDENTIALS:
        return CredentialsRefused(table, operation, code, f"{said}; {_NO_CREDENTIALS[code]}")
    if code in _NO_ANSWER:
        return TableUnreachable(table, operation, code, f"{said}; {_NO_ANSWER[code]}")
    if code == "NoRegionError":
        return TableError(table, operation, code, f"{said} {_NO_REGION}")
    if code == "ParamValidationError":
        return TableError(table, operation, code, "a name or a value is not of the type it must be")
    if isinstance(error, HTTPClientError) and is_of_signing(error.kwargs.get("error")):
        return _not_signed(table, operation, code)
    if isinstance(error, HTTPClientError) and isinstance(error.kwargs.get("error"), ValueError):
        # Not quoted: it can hold a part of the password.
        return TableUnreachable(table, operation, code, f"a URL does not parse; {_URLS}")
    if code in ("HTTPClientError", "ResponseStreamingError", "IncompleteReadError"):
        return TableUnreachable(table, operation, code, f"{said}; the answer did not come whole")
    return TableError(table, operation, code, said)


def _not_signed(table: str, operation: str, code: str) -> CredentialsRefused:
    # Python's own error quotes the credential.
    reason = (
        "the request cannot be signed: an access key, a session token or the region holds a line "
        "end or another character that no HTTP header can have; check what they are read from"
    )
    return CredentialsRefused(table, operation, code, reason)
