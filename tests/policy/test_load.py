import asyncio
import os
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meter.policy import load as module
from meter.policy.compile import Source, compile_policy
from meter.policy.load import changes, load
from meter.policy.mistakes import PolicyError
from meter.policy.model import Policy
from meter.policy.reading import FILE_BYTES_MAX

READY = (Path(__file__).parent.parent.parent / "policies" / "image-api.yaml").read_text("utf-8")

ONE = "version: 1\noperations: {a: {credits: 1}}\n"
TWO = "version: 1\noperations: {a: {credits: 2}}\n"

REACTION_SECONDS_MAX = 2


def price(policy):
    return policy.operations["a"].price.base // 10**6


def test_a_folder_is_its_own_yaml_files_in_the_order_of_their_names(tmp_path):
    for name, path in [("b.yml", "/b"), ("a.yaml", "/a"), (".c.yaml", "/c"), ("d.yaml~", "/d"), ("sub/e.yaml", "/e")]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"version: 1\nroutes: [{{match: {path}, operation: a}}]\n")
    (tmp_path / "f.yaml").write_text(ONE)

    assert [route.template for route in load(tmp_path).routes] == ["/a", "/b"]


def test_a_file_is_a_policy_whatever_its_name(tmp_path):
    (tmp_path / "policy").write_text(ONE)

    assert price(load(tmp_path / "policy")) == 1


class Watch:
    """The changes of a folder, asked for one by one, each within the time that is promised."""

    def __init__(self, path, known=None):
        self.stop = asyncio.Event()
        self.stream = changes(path, self.stop, known=known)

    def ask(self):
        return asyncio.ensure_future(anext(self.stream))

    async def answer(self, asked):
        async with asyncio.timeout(REACTION_SECONDS_MAX):
            return await asked


@pytest.fixture
async def watch(tmp_path):
    (tmp_path / "a.yaml").write_text(ONE)
    watch = Watch(tmp_path, known=load(tmp_path))
    async with aclosing(watch.stream):
        yield watch
        watch.stop.set()


@pytest.fixture(params=["told", "untold"])
def notices(request, monkeypatch):
    """With the system's notices of changed files, and without any, as on a network disk."""
    if request.param == "untold":

        async def awatch(*_, stop_event, **__):
            while not stop_event.is_set():
                await module._pause(stop_event)
                yield set()

        monkeypatch.setattr(module, "awatch", awatch)


async def test_a_change_is_seen_in_time(notices, watch, tmp_path):
    asked = watch.ask()
    (tmp_path / "a.yaml").write_text(TWO)

    assert price(await watch.answer(asked)) == 2


async def test_a_mistake_is_seen_and_so_is_its_correction(watch, tmp_path):
    asked = watch.ask()
    (tmp_path / "a.yaml").write_text(ONE + "colour: blue\n")
    wrong = await watch.answer(asked)
    asked = watch.ask()
    (tmp_path / "a.yaml").write_text(ONE)

    assert isinstance(wrong, PolicyError)
    assert price(await watch.answer(asked)) == 1


@pytest.fixture
def looked(monkeypatch):
    """Set once the files were read again and compared with what was known."""
    looked, meaning = asyncio.Event(), module._meaning

    def noted(state):
        looked.set()
        return meaning(state)

    monkeypatch.setattr(module, "_meaning", noted)
    return looked


async def test_a_comment_is_no_change(looked, watch, tmp_path):
    (tmp_path / "a.yaml").write_text(f"# a comment\n{ONE}")
    asked = watch.ask()
    async with asyncio.timeout(REACTION_SECONDS_MAX):
        await looked.wait()
    (tmp_path / "a.yaml").write_text(TWO)

    assert price(await watch.answer(asked)) == 2


async def test_a_file_that_is_still_being_written_is_not_believed(watch, tmp_path, monkeypatch):
    def load_while_somebody_writes(path):
        policy = load(path)
        if price(policy) == 3:
            (tmp_path / "a.yaml").write_text(f"{TWO}# now it is whole\n")
        return policy

    monkeypatch.setattr(module, "load", load_while_somebody_writes)
    asked = watch.ask()
    (tmp_path / "a.yaml").write_text(ONE.replace("1}", "3}"))

    assert price(await watch.answer(asked)) == 2


async def test_a_file_put_in_its_place_is_seen(watch, tmp_path):
    asked = watch.ask()
    (tmp_path / "new").write_text(TWO)
    (tmp_path / "new").rename(tmp_path / "a.yaml")

    assert price(await watch.answer(asked)) == 2


async def test_a_folder_behind_a_swapped_link_is_seen(tmp_path):
    for name, text in [("one", ONE), ("two", TWO)]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(text)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "..data").symlink_to(tmp_path / "one")
    (tmp_path / "policies" / "a.yaml").symlink_to("..data/a.yaml")
    watch = Watch(tmp_path / "policies", known=load(tmp_path / "policies"))
    asked = watch.ask()
    (tmp_path / "policies" / "..new").symlink_to(tmp_path / "two")
    (tmp_path / "policies" / "..new").rename(tmp_path / "policies" / "..data")

    assert price(await watch.answer(asked)) == 2
    watch.stop.set()
    await watch.stream.aclose()


async def test_a_single_file_is_watched(tmp_path):
    (tmp_path / "a.yaml").write_text(ONE)
    watch = Watch(tmp_path / "a.yaml", known=load(tmp_path / "a.yaml"))
    asked = watch.ask()
    (tmp_path / "b.yaml").write_text("nonsense")
    (tmp_path / "a.yaml").write_text(TWO)

    assert price(await watch.answer(asked)) == 2
    watch.stop.set()
    await watch.stream.aclose()


async def test_a_folder_that_comes_late_is_seen(tmp_path):
    path = tmp_path / "not" / "yet"
    watch = Watch(path, known=compile_policy([Source(file="a.yaml", text=TWO)]))
    missing = await watch.answer(watch.ask())
    path.mkdir(parents=True)
    (path / "a.yaml").write_text(ONE)
    found = await watch.answer(watch.ask())

    assert isinstance(missing, PolicyError)
    assert price(found) == 1
    watch.stop.set()
    await watch.stream.aclose()


async def test_what_changed_before_the_watch_began_is_seen(tmp_path):
    (tmp_path / "a.yaml").write_text(ONE)
    known = load(tmp_path)
    (tmp_path / "a.yaml").write_text(TWO)
    watch = Watch(tmp_path, known=known)

    assert price(await watch.answer(watch.ask())) == 2
    watch.stop.set()
    await watch.stream.aclose()


async def test_a_set_stop_ends_the_watch(watch):
    asked = watch.ask()
    watch.stop.set()

    with pytest.raises(StopAsyncIteration):
        await watch.answer(asked)


SNIPPETS = st.sampled_from(
    ["\n", " ", "  ", "\t", "- ", ": ", "{", "}", "[", "]", '"', "'", "#", "&a", "*a", "<<: ", "!!int ", "---\n", "? ",
     "|", ">", "%", "~", ".nan", "-.inf", "1e999999999", "0x1F", "9" * 5000, "\ud800", "\x00", "\ufeff", "é", "[" * 99,
     "credits", "routes", "operations: ", "adjustments: ", "plans: ", "true", "null", "{a: {credits: 1}}", "-1", "0"]
)  # fmt: skip

CUTS = st.lists(st.tuples(st.integers(0, len(READY)), st.integers(0, 40), SNIPPETS), max_size=6)


def spoiled(cuts):
    text = READY
    for at, length, snippet in cuts:
        text = text[:at] + snippet + text[at + length :]
    return text


@settings(deadline=timedelta(seconds=5), max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(), st.lists(SNIPPETS, max_size=40).map("".join), CUTS.map(spoiled)))
def test_any_text_is_a_policy_or_a_policy_error(text):
    try:
        made = compile_policy([Source(file="a.yaml", text=text)])
    except PolicyError as error:
        made = error

    assert isinstance(made, Policy) or all(line.startswith("a.yaml:") for line in str(made).split("\n"))


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_policy_or_a_policy_error(tmp_path_factory, held):
    path = tmp_path_factory.getbasetemp() / f"any-{os.getpid()}.yaml"
    path.write_bytes(held)
    try:
        made = load(path)
    except PolicyError as error:
        made = error

    assert isinstance(made, Policy | PolicyError)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"operations: {{a: {{credits: {'9' * (FILE_BYTES_MAX - 100)}}}}}", id="a-quarter-million-digits"),
        pytest.param(f"operations: {{a: {{credits: {'9' * 10**6}}}}}", id="a-million-digits"),
        pytest.param("routes:\n" + "- {match: GET /a, operation: b}\n" * 3900, id="thousands-of-unknown-operations"),
        pytest.param(
            "operations: {" + ", ".join(f"operation.{n}: {{credits: 1}}" for n in range(1500)) + "}\n"
            "routes:\n" + "".join(f"- {{match: GET /{n}, operation: operations.{n}}}\n" for n in range(2000)),
            id="thousands-of-did-you-means",
        ),
        pytest.param("".join(f"k{n}: 1\n" for n in range(9900)), id="thousands-of-unknown-keys"),
        pytest.param("a: [" * 31 + "]" * 31, id="as-deep-as-may-be"),
        pytest.param(
            "operations: {" + ", ".join(f"a{n}: {{}}" for n in range(6000)) + "}\nunmatched: b", id="thousands-of-names"
        ),
    ],
)
def test_the_largest_nonsense_takes_seconds(text):
    async def main():
        async with asyncio.timeout(20):
            with pytest.raises(PolicyError):
                await asyncio.to_thread(compile_policy, [Source(file="a.yaml", text=f"version: 1\n{text}")])

    asyncio.run(main())
