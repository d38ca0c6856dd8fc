"""Each file or folder under tests/policies/bad holds one mistake, and its .txt twin the exact words for it."""

from pathlib import Path

import pytest

from meter.policy.load import load
from meter.policy.mistakes import PolicyError

BAD = Path(__file__).parent.parent / "policies" / "bad"

CASES = sorted(path.name for path in BAD.iterdir() if path.suffix != ".txt")


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_has_its_exact_words(case, monkeypatch):
    monkeypatch.chdir(BAD)
    with pytest.raises(PolicyError) as caught:
        load(Path(case))

    assert str(caught.value) == Path(case).with_suffix(".txt").read_text("utf-8").rstrip("\n")


def test_each_case_has_a_twin_and_each_twin_a_case():
    twins = {path.stem for path in BAD.glob("*.txt")}

    assert twins == {Path(case).stem for case in CASES}


def test_a_missing_path_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyError) as caught:
        load(Path("policies"))

    assert str(caught.value) == (
        "policies:1:1: there is no such file or folder; name a policy file, or a folder of them."
    )


def test_a_path_that_can_not_be_read_is_said(tmp_path):
    (tmp_path / "a.yaml").touch()
    with pytest.raises(PolicyError, match=r"it can't be read \(Not a directory\); let meter read it"):
        load(tmp_path / "a.yaml" / "b.yaml")


@pytest.mark.parametrize(
    ("files", "size", "said"),
    [
        pytest.param(65, 10, "65 files, more than 64", id="too-many"),
        pytest.param(5, 250 * 1024, "more than 1024 KiB", id="too-much-together"),
        pytest.param(1, 260 * 1024, "the file is longer than 256 KiB", id="one-too-long"),
    ],
)
def test_a_folder_is_bounded(files, size, said, tmp_path):
    for number in range(files):
        (tmp_path / f"{number}.yaml").write_text("version: 1\n#" + "é" * (size // 2), "utf-8")
    with pytest.raises(PolicyError, match=said):
        load(tmp_path)
