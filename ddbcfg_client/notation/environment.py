"""Options as environment variables: ``DB_HOST`` is the key ``host`` of the option ``db``."""

from __future__ import annotations

from ddbcfg_client.errors import VariableRefused
from ddbcfg_client.notation.writer import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALLOWED = frozenset(f"{_LETTERS}{_LETTERS.lower()}0123456789_")
_UNQUOTED = _ALLOWED | frozenset("-./:@%+,")

# These change how programs are loaded or what an interpreter runs.  With them, a user who may only
# write options could run code as the user who reads them.
_REFUSED = frozenset(
    [
        "PATH",
        "IFS",
        "ENV",
        "BASH_ENV",
        "SHELLOPTS",
        "BASHOPTS",
        "PS4",
        "CDPATH",
        "GCONV_PATH",
        "GLIBC_TUNABLES",
        "LOCPATH",
        "NLSPATH",
        "HOSTALIASES",
        "RESOLV_HOST_CONF",
        "PERLLIB",
        "PERL5OPT",
        "PERL5LIB",
        "PERL5DB",
        "RUBYOPT",
        "RUBYLIB",
        "NODE_OPTIONS",
        "NODE_PATH",
        "JAVA_TOOL_OPTIONS",
        "_JAVA_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "PHPRC",
        "PHP_INI_SCAN_DIR",
        "CLASSPATH",
        "DOTNET_STARTUP_HOOKS",
        "LUA_CPATH",
        "LUA_INIT",
        "LUA_PATH",
        "OPENSSL_CONF",
        "OPENSSL_ENGINES",
        "OPENSSL_MODULES",
    ]
)
_REFUSED_STARTS = ("LD_", "PYTHON", "BASH_FUNC_", "GIT_", "DDBCFG_")


def variables(
    options: Mapping[str, Mapping[str, object]],
    prefix: str = "",
    as_json: Collection[str] = (),
) -> dict[str, str]:
    """Return the variables for these options; a null has none.

    An option in ``as_json`` becomes one variable, which is JSON.  ``prefix`` is put before each
    name.  Raise VariableRefused if a name or a value cannot be a variable, or if two would share
    one.
    """
    found: dict[str, str] = {}
    origins: dict[str, str] = {}

    def add(parts: tuple[str, ...], value: object) -> None:
        origin = ".".join(parts)
        if value is None:
            return
        name = prefix + _name("_".join(parts))
        _check_name(origin, name)
        if name in found:
            raise VariableRefused(origin, name, f"{origins[name]!r} has the same variable")
        text = _text(value)
        if "\0" in text:
            raise VariableRefused(origin, name, "its value contains a null character")
        found[name], origins[name] = text, origin

    for option in sorted(options):
        if option in as_json:
            add((option,), dict(options[option]))
            continue
        for key in sorted(options[option]):
            add((option, key), options[option][key])
    return found


def is_prefix(text: str) -> bool:
    """Return whether a variable can begin with ``text``."""
    return _ALLOWED.issuperset(text) and not text[:1].isdigit()


def as_shell(found: Mapping[str, str]) -> str:
    """Return assignments for a POSIX shell: ``set -a; . FILE``."""
    return "".join(f"{name}={_shell_word(found[name])}\n" for name in sorted(found))


def as_dotenv(found: Mapping[str, str]) -> str:
    """Return a .env file; raise VariableRefused for a value that its readers do not agree on."""
    return "".join(f"{name}={_dotenv_word(name, found[name])}\n" for name in sorted(found))


def _name(text: str) -> str:
    """Return ``text`` in upper case, with an underscore for all that no variable has."""
    return "".join(char if char in _ALLOWED else "_" for char in text).upper()


def _check_name(origin: str, name: str) -> None:
    if name[0].isdigit():
        raise VariableRefused(origin, name, "a variable cannot begin with a digit; use --prefix")
    if name in _REFUSED or name.startswith(_REFUSED_STARTS):
        reason = "that variable decides what programs run or read; use --prefix"
        raise VariableRefused(origin, name, reason)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    text = dumps(value, typed=False)
    # Binary is a JSON string in base64; numbers and booleans are what they are.
    return text[1:-1] if isinstance(value, bytes) else text


def _shell_word(text: str) -> str:
    if text and _UNQUOTED.issuperset(text):
        return text
    inside = text.replace("'", "'\\''")
    return f"'{inside}'"


def _dotenv_word(name: str, text: str) -> str:
    if text and _UNQUOTED.issuperset(text):
        return text
    if "'" not in text and "\\" not in text:
        return f"'{text}'"
    if not set(text) & set('"$\\`\r\n'):
        return f'"{text}"'
    if text.endswith("\\"):
        # Readers take the backslash and the quote after it for an escaped quote.
        reason = "its value ends with a backslash, which a .env file cannot hold; use --format env"
        raise VariableRefused(name, name, reason)
    inside = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{inside}'"
