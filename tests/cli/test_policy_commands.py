"""``check`` finds every mistake and counts what is fine; ``schema`` prints what editors need."""

import json

BAD = """\
version: 1
operations:
  a: {credits: -1}
routes:
  - {match: GET /a, operation: b}
"""


def test_good_policies_are_counted_a_line_a_file(meter, policies):
    (policies / "more.yaml").write_text("version: 1\noperations: {more: {credits: 2}}\n")
    ended = meter("check")

    assert ended.code == 0
    assert ended.data.splitlines() == [
        f"{policies}/api.yaml: 5 operations, 6 routes, 3 adjustments, 3 plans",
        f"{policies}/more.yaml: 1 operation, 0 routes, 0 adjustments, 0 plans",
    ]


def test_good_policies_are_counted_for_scripts(meter, policies):
    checked = meter("check", "--json").json()

    assert checked == {
        "version": checked["version"],
        "mistakes": [],
        "files": [{"file": f"{policies}/api.yaml", "operations": 5, "routes": 6, "adjustments": 3, "plans": 3}],
    }


def test_every_mistake_is_printed_with_its_place(meter, policies):
    (policies / "bad.yaml").write_text(BAD)
    ended = meter("check")

    assert (ended.code, ended.talk) == (1, "")
    assert [line.split(": ")[0] for line in ended.data.splitlines()] == [
        f"{policies}/bad.yaml:3:16",
        f"{policies}/bad.yaml:5:32",
    ]


def test_mistakes_for_scripts_have_their_parts(meter, policies):
    (policies / "bad.yaml").write_text(BAD)
    ended = meter("check", "--json")
    first, _ = ended.json()["mistakes"]

    assert ended.code == 1
    assert first.keys() == {"file", "line", "column", "problem", "fix"}
    assert (first["file"], first["line"], first["column"]) == (f"{policies}/bad.yaml", 3, 16)


def test_the_flag_names_other_policies(meter, policies, tmp_path):
    ended = meter("check", "--policies", str(tmp_path / "none"))

    assert ended.code == 1
    assert str(tmp_path / "none") in ended.data


def test_another_command_says_the_mistakes_on_standard_error(meter, policies):
    (policies / "bad.yaml").write_text(BAD)
    ended = meter("quote", "GET", "/a")

    assert (ended.code, ended.data) == (1, "")
    assert len(ended.talk.splitlines()) == 2


def test_the_schema_is_json(meter):
    ended = meter("schema")

    assert ended.code == 0
    assert json.loads(ended.data)["$schema"].startswith("https://json-schema.org/")
