"""Any bytes over a request socket, from either side: a typed refusal or error, no hang (G9)."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddbcfg_client.format.names import Names
from ddbcfg_client.format.request import (
    LONGEST_REQUEST,
    LONGEST_RESPONSE,
    Request,
    Response,
    pack_request,
    pack_response,
    parse_request,
    parse_response,
)
from ddbcfg_client.shm.daemon_socket import NoResponse, ask
from ddbcfg_client.shm.trust import Trust
from ddbcfg_daemon.publishing.objects import path_of
from ddbcfg_daemon.publishing.poll_requests import Outcome
from support.request_serving import Served, serving
from support.shm import unique_namespace

ANY_TEXT = st.text(st.characters(codec=None))  # with lone surrogates
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=10,
)
RESPONSES = st.builds(
    Response,
    generation=st.integers(0, 2**62),
    published=st.booleans(),
    held=ANY_TEXT,
    error=ANY_TEXT,
)
REFUSALS = st.builds(
    Response,
    refused=st.text("abcdef", min_size=1),
    why=st.text(min_size=1),
    ticket=st.none() | st.integers(0, 2**62),
)


@st.composite
def damaged_lines(draw: st.DrawFn) -> bytes:
    """A request or response with some bytes overwritten, or JSON of the right and wrong kinds."""
    if draw(st.booleans()):
        names = ("version", "op", "ticket", "refused", "why", "generation", "published", "held")
        return json.dumps(draw(st.dictionaries(st.sampled_from(names), JSON))).encode()
    packed = st.builds(pack_response, RESPONSES | REFUSALS) | st.just(pack_request(Request("poll")))
    raw = bytearray(draw(packed))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(raw) - 1))
        raw[at : at + 2] = draw(st.binary(min_size=1, max_size=4))
    return bytes(raw)


LINES = st.binary(max_size=200) | damaged_lines()


@given(st.builds(Request, st.sampled_from(("poll", "accept", "x")), st.none() | st.integers(0)))
def test_a_request_comes_out_as_it_went_in(request_: Request) -> None:
    line = pack_request(request_)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse_request(line) == request_


@given(RESPONSES | REFUSALS)
def test_a_response_comes_out_as_it_went_in_and_can_be_printed(response: Response) -> None:
    line = pack_response(response)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    found = parse_response(line)
    assert found.refused == response.refused
    assert (found.generation, found.ticket) == (response.generation, response.ticket)
    for name in ("why", "held", "error"):
        sent, got = getattr(response, name), getattr(found, name)
        assert got == sent.encode(errors="replace").decode()


@pytest.mark.parametrize("text", ["x", "\x00", "\ud800", "\U0001f600"])
def test_the_longest_texts_fit(text: str) -> None:
    for response in (
        Response("busy", text * 10**6),
        Response(held=text * 10**6, error=text * 10**6),
    ):
        line = pack_response(response)
        assert len(line) <= LONGEST_RESPONSE
        parse_response(line)


@given(LINES)
def test_any_line_is_a_request_or_a_value_error(line: bytes) -> None:
    with suppress(ValueError):
        found = parse_request(line)
        assert type(found.op) is str
        assert found.ticket is None or found.ticket >= 0


@given(LINES)
def test_any_line_is_a_response_or_a_value_error(line: bytes) -> None:
    with suppress(ValueError):
        found = parse_response(line)
        for text in (found.refused, found.why, found.held, found.error):
            text.encode()
        assert type(found.published) is bool
        assert found.generation >= 0


# --- over the sockets ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(Names(unique_namespace(), "prod")) as made:
        yield made
        made.publisher.remove()


@given(st.lists(LINES | st.just(b"\n"), max_size=4), st.booleans())
def test_the_server_survives_whatever_is_sent(
    served: Served, parts: list[bytes], end_line: bool
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(20)
        peer.connect(str(path_of(served.names.requests)))
        with suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                peer.sendall(part)
            if end_line:
                peer.sendall(b"\n")
            peer.shutdown(socket.SHUT_WR)
        received = b""
        with suppress(ConnectionResetError):
            while data := peer.recv(65536):
                received += data
    assert not received or parse_response(received).refused
    assert served.server._thread.is_alive()


@contextmanager
def answering(names: Names, data: bytes) -> Iterator[None]:
    """A daemon that sends this to the one who connects."""
    path = path_of(names.requests)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen()

        def answer() -> None:
            peer, _ = listening.accept()
            with peer, suppress(OSError):
                peer.recv(LONGEST_REQUEST)
                peer.sendall(data)

        thread = Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            thread.join()
            path.unlink()


@given(LINES | st.binary().map(lambda raw: raw * 1000))
def test_the_client_survives_whatever_is_answered(data: bytes) -> None:
    names = Names(unique_namespace(), "prod")
    with answering(names, data):
        try:
            response = ask(names, Trust(), Request("poll"), 20)
        except NoResponse:
            return
        assert response == parse_response(data)


@pytest.mark.parametrize("data", [b"", b"{", b"x" * (LONGEST_RESPONSE + 1), b"\xff\n"])
def test_the_client_names_what_is_wrong_with_an_answer(data: bytes) -> None:
    names = Names(unique_namespace(), "prod")
    wrong = "malformed" if len(data) != 1 and data else "without a response"
    with answering(names, data), pytest.raises(NoResponse, match=wrong):
        ask(names, Trust(), Request("poll"), 20)


def test_an_outcome_reaches_who_asked(served: Served) -> None:
    # The same server, after all of that, some of which may have been a request.
    served.poll()
    with served.polling(error="x"):
        assert ask(served.names, Trust(), Request("poll"), 20) == Response(error="x")
    assert served.polls.outcome_after(0) == Outcome(0, False, error="x")
