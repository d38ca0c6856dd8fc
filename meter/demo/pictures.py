"""Images that are made on the spot: each one different, small, and real enough to be resized, analysed and cut out."""

import io
import random

from PIL import Image, ImageDraw

SIZE = (240, 180)
FRAMES = 12
FRAME_MS = 60


def photo(seed: int) -> bytes:
    """A JPEG of a few coloured shapes on a plain ground."""
    return _encoded([_scene(random.Random(seed), 0)], "JPEG")  # noqa: S311 - pictures, not secrets


def film(seed: int) -> bytes:
    """An animated GIF in which the shapes move."""
    return _encoded([_scene(random.Random(seed), step) for step in range(FRAMES)], "GIF")  # noqa: S311 - as above


def _scene(chance: random.Random, step: int) -> Image.Image:
    width, height = SIZE
    image = Image.new("RGB", SIZE, _colour(chance, 150, 250))
    draw = ImageDraw.Draw(image)
    for _ in range(chance.randint(2, 5)):
        left = chance.randint(20, width - 90) + step * chance.randint(1, 3)
        top = chance.randint(20, height - 90)
        draw.ellipse((left, top, left + 60, top + 60), fill=_colour(chance, 0, 140))
    return image


def _colour(chance: random.Random, least: int, most: int) -> tuple[int, int, int]:
    return chance.randint(least, most), chance.randint(least, most), chance.randint(least, most)


def _encoded(frames: list[Image.Image], form: str) -> bytes:
    out = io.BytesIO()
    moving = {"save_all": True, "append_images": frames[1:], "duration": FRAME_MS, "loop": 0} if frames[1:] else {}
    frames[0].save(out, form, **moving)
    return out.getvalue()
