"""The image API does what it says, on images that are made here."""

import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw

from examples import image_api


def png(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def disc(size: tuple[int, int] = (120, 80), ground: str = "#2050c0", colour: str = "#f0d020") -> Image.Image:
    image = Image.new("RGB", size, ground)
    ImageDraw.Draw(image).ellipse((30, 10, 90, 70), fill=colour)
    return image


def animation(frames: int = 6) -> bytes:
    made = []
    for step in range(frames):
        frame = Image.new("RGB", (96, 64), "black")
        left = step * 10 % 70
        ImageDraw.Draw(frame).rectangle((left, 10, left + 20, 50), fill="white")
        made.append(frame)
    return png(made[0], "GIF", save_all=True, append_images=made[1:], duration=50)


@pytest.fixture
async def api() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(image_api.create())
    async with httpx.AsyncClient(transport=transport, base_url="http://images.test") as client:
        yield client


async def stored(api: httpx.AsyncClient, content: bytes) -> dict[str, Any]:
    answer = await api.post("/v1/images", content=content)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def test_a_stored_image_comes_back_byte_for_byte(api: httpx.AsyncClient) -> None:
    content = png(disc(), "JPEG")
    data = await stored(api, content)

    answer = await api.get(data["url"])

    assert (answer.content, answer.headers["content-type"]) == (content, "image/jpeg")
    assert (data["width"], data["height"], data["bytes"], data["format"]) == (120, 80, len(content), "jpeg")


@pytest.mark.parametrize("mode", ["RGB", "P", "L", "LA", "RGBA", "CMYK"])
async def test_every_kind_of_image_is_resized(api: httpx.AsyncClient, mode: str) -> None:
    data = await stored(api, png(disc().convert(mode), "JPEG" if mode == "CMYK" else "PNG"))

    answer = await api.post(f"{data['url']}/resize", json={"width": 30, "height": 20})

    made = await api.get(answer.json()["data"]["url"])
    assert Image.open(io.BytesIO(made.content)).size == (30, 20)


async def test_an_analysis_finds_the_colours_that_were_painted(api: httpx.AsyncClient) -> None:
    data = await stored(api, png(disc()))

    found = (await api.post(f"{data['url']}/analysis")).json()

    colours = {colour["hex"]: colour["share"] for colour in found["data"]["colours"]}
    assert colours["#2050c0"] == pytest.approx(0.7, abs=0.05)
    assert colours["#f0d020"] == pytest.approx(0.3, abs=0.05)
    assert sum(found["data"]["histogram"]) == found["meta"]["pixels"] == 120 * 80


async def test_a_sharper_image_is_called_sharper(api: httpx.AsyncClient) -> None:
    sharp = await stored(api, png(disc()))
    soft = await stored(api, png(disc().resize((12, 8)).resize((120, 80))))

    figures = [(await api.post(f"{one['url']}/analysis")).json()["data"]["sharpness"] for one in (soft, sharp)]

    assert figures[0] < figures[1]


async def test_a_cutout_keeps_the_figure_and_drops_the_ground(api: httpx.AsyncClient) -> None:
    data = await stored(api, png(disc()))

    answer = await api.post(f"{data['url']}/cutout", headers={"accept": "image/png"})

    image = Image.open(io.BytesIO(answer.content))
    assert [image.getchannel("A").getpixel(at) for at in ((0, 0), (119, 79), (60, 40))] == [0, 0, 255]


async def test_a_hole_of_the_grounds_colour_inside_the_figure_stays(api: httpx.AsyncClient) -> None:
    image = disc()
    ImageDraw.Draw(image).ellipse((55, 35, 65, 45), fill="#2050c0")
    data = await stored(api, png(image))

    answer = await api.post(f"{data['url']}/cutout", headers={"accept": "image/png"})

    assert Image.open(io.BytesIO(answer.content)).getchannel("A").getpixel((60, 40)) == 255


async def test_a_cutout_is_stored_and_says_how_much_it_kept(api: httpx.AsyncClient) -> None:
    data = await stored(api, png(disc()))

    made = (await api.post(f"{data['url']}/cutout")).json()["data"]

    assert made["kept_share"] == pytest.approx(0.3, abs=0.05)
    assert (await api.get(made["url"])).status_code == 200


async def test_a_video_is_measured_frame_by_frame(api: httpx.AsyncClient) -> None:
    data = (await api.post("/v1/videos", content=animation())).json()["data"]

    assert (data["frames"], data["duration_ms"], len(data["motion"])) == (6, 300, 5)
    assert all(motion > 0 for motion in data["motion"])


async def test_a_videos_preview_moves(api: httpx.AsyncClient) -> None:
    data = (await api.post("/v1/videos", content=animation())).json()["data"]

    preview = await api.get(data["preview"]["url"])
    assert getattr(Image.open(io.BytesIO(preview.content)), "n_frames", 1) == 6


def bomb(width: int, height: int) -> bytes:
    """A small file that decodes to more pixels than are allowed."""
    return png(Image.new("1", (width, height)))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("/v1/images", b"", 415, id="nothing"),
        pytest.param("/v1/images", b"GIF89a and no more", 415, id="cut-gif"),
        pytest.param("/v1/images", png(disc())[:200], 415, id="cut-png"),
        pytest.param("/v1/images", png(disc(), "BMP"), 415, id="a-format-that-is-not-served"),
        pytest.param("/v1/images", bomb(5_000, 4_000), 413, id="too-many-pixels"),
        pytest.param("/v1/images", bomb(20_000, 5_000), 413, id="a-bomb-that-pillow-notices"),
        pytest.param("/v1/images", b"\0" * (image_api.BODY_BYTES_MAX + 1), 413, id="too-many-bytes"),
        pytest.param("/v1/videos", animation(image_api.FRAMES_MAX + 1), 413, id="too-many-frames"),
        pytest.param("/v1/images/none/analysis", b"", 404, id="an-image-that-is-not-there"),
    ],
)
async def test_bad_input_gets_a_sentence(api: httpx.AsyncClient, path: str, body: bytes, status: int) -> None:
    answer = await api.post(path, content=body)

    assert (answer.status_code, answer.json()["error"]["message"][-1]) == (status, ".")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"width": 3}', id="one-side"),
        pytest.param(b'{"width": 0, "height": 1}', id="zero"),
        pytest.param(b'{"width": 9999, "height": 1}', id="too-wide"),
        pytest.param(b'{"width": 1.5, "height": 1}', id="a-fraction"),
        pytest.param(b'{"width": true, "height": 1}', id="a-truth"),
    ],
)
async def test_a_size_that_is_none_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    data = await stored(api, png(disc()))

    assert (await api.post(f"{data['url']}/resize", content=body)).status_code == 422


async def test_the_shelf_is_bounded_and_drops_what_was_not_used(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_api, "STORED_IMAGES_MAX", 2)
    first, second = await stored(api, png(disc())), await stored(api, png(disc()))
    await api.get(first["url"])
    await stored(api, png(disc()))

    assert [(await api.get(one["url"])).status_code for one in (first, second)] == [200, 404]
