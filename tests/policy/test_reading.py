import pytest

from meter.policy.reading import DEPTH_MAX, FILE_BYTES_MAX, NODES_MAX, Scalar, plain, read


def tree(text):
    reading = read(text, "a.yaml")

    assert reading.mistakes == ()
    return reading.tree


def problems(text):
    return [mistake.problem for mistake in read(text, "a.yaml").mistakes]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param("0.1", "0.1", id="a-number-stays-its-text"),
        pytest.param("010", "010", id="no-octal"),
        pytest.param("22:00", "22:00", id="no-base-sixty"),
        pytest.param("1_000", "1_000", id="no-underscores"),
        pytest.param("NO", "NO", id="norway-is-a-word"),
        pytest.param("2026-12-24", "2026-12-24", id="a-date-stays-its-text"),
        pytest.param("'true'", "true", id="what-is-quoted-is-text"),
        pytest.param("true", True, id="truth"),
        pytest.param("False", False, id="untruth"),
        pytest.param("~", None, id="nothing"),
        pytest.param("", None, id="left-empty"),
        pytest.param("9" * 2000, "9" * 2000, id="two-thousand-digits"),
    ],
)
def test_a_scalar_is_what_it_looks_like(written, value):
    assert plain(tree(f"a: {written}")) == {"a": value}


def test_every_key_and_value_knows_its_line_and_column():
    entry = tree("a:\n  b:\n    - x\n    -   y\n").entries["a"].value.entries["b"]

    assert str(entry.place) == "a.yaml:2:3"
    assert [str(item.place) for item in entry.value.items] == ["a.yaml:3:7", "a.yaml:4:9"]


def test_the_first_of_two_equal_keys_is_kept_and_the_second_reported():
    reading = read("a: 1\nb: 2\na: 3\n", "a.yaml")

    assert plain(reading.tree) == {"a": "1", "b": "2"}
    assert [str(mistake.place) for mistake in reading.mistakes] == ["a.yaml:3:1"]


def test_reading_goes_on_after_what_it_refuses():
    reading = read("a: &x 1\nb: *x\nc: !!int 2\nd: .nan\n", "a.yaml")

    assert [mistake.place.line for mistake in reading.mistakes] == [1, 2, 3, 4]
    assert reading.tree is not None


def test_an_alias_bomb_is_as_small_as_it_is_written():
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))

    assert len(problems(bomb)) == 30 + 29 * 9


def test_depth_is_bounded():
    deep = "[" * (DEPTH_MAX - 1) + "]" * (DEPTH_MAX - 1)

    assert problems(f"a: {deep}") == []
    assert problems(f"a: [{deep}]") == ["this is nested more than 32 levels deep"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "], ids=["flow", "flow-mapping", "block", "complex-keys"])
def test_a_hundred_thousand_levels_are_refused_like_thirty_three(opening):
    text = opening * (FILE_BYTES_MAX // len(opening))

    assert read(text, "a.yaml").tree is None
    assert len(problems(text)) == 1


def test_the_number_of_values_is_bounded():
    assert problems("- a\n" * NODES_MAX) == ["the file holds more than 20000 values"]


def test_size_is_bounded_in_bytes():
    assert problems("# " + "é" * (FILE_BYTES_MAX // 2)) == ["the file is longer than 256 KiB"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("%YAML 1." + "9" * 5000 + "\n---\na: 1", id="a-version-of-five-thousand-digits"),
        pytest.param('a: "\\UFFFFFFFF"', id="an-escape-beyond-unicode"),
        pytest.param('a: "\\U00110000"', id="an-escape-just-beyond-unicode"),
        pytest.param("!<%ff%fe> a", id="a-tag-that-is-not-utf-8"),
        pytest.param("a: \ud800", id="half-a-character"),
        pytest.param("a: b\x00", id="a-nul"),
        pytest.param('a: "b', id="an-open-quote"),
        pytest.param("a: |99\n  b", id="an-indentation-of-ninety-nine"),
    ],
)
def test_what_breaks_a_parser_is_one_mistake(text):
    reading = read(text, "a.yaml")

    assert reading.tree is None
    assert len(reading.mistakes) == 1


def test_an_escape_of_half_a_character_is_a_mistake():
    assert problems('a: "\\ud83d"') == [r"'\ud83d' holds half a character"]


def test_a_byte_order_mark_is_passed_over():
    assert plain(tree("\ufeffa: b")) == {"a": "b"}


def test_a_scalar_alone_is_a_tree():
    assert isinstance(tree("a"), Scalar)
