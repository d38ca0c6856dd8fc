"""An image API that really stores, resizes, analyses and cuts out images; it knows nothing of credits.

    uvicorn examples.image_api:app

Images live in memory, the oldest unused leave first. Everything that a caller sends is bounded: bytes, pixels, frames.
"""

import io
import json
import secrets
import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps, ImageSequence, ImageStat
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

BODY_BYTES_MAX = 8 * 2**20
PIXELS_MAX = 16_000_000
SIDE_PIXELS_MAX = 4096
FRAMES_MAX = 120
STORED_IMAGES_MAX = 512
STORED_BYTES_MAX = 64 * 2**20
FORMATS = ("GIF", "JPEG", "PNG", "WEBP")
CUTOUT_SIDE_PIXELS = 256
"""The background is looked for in a copy of at most this size."""
BACKGROUND_DISTANCE = 40
"""How far, in one channel of 255, a pixel may be from its corner's colour and still be background."""
PREVIEW_SIDE_PIXELS = 160

_UNREADABLE = (OSError, EOFError, IndexError, SyntaxError, TypeError, ValueError, struct.error, zlib.error)
"""What Pillow's decoders raise, between them, on bytes that are no image."""

Figures = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One image as it was encoded."""

    id: str
    content: bytes
    format: str
    width: int
    height: int

    def described(self) -> Figures:
        """Say what it is, for an answer."""
        facts = {"id": self.id, "format": self.format.lower(), "width": self.width, "height": self.height}
        return {**facts, "bytes": len(self.content), "url": f"/v1/images/{self.id}"}


class Shelf:
    """The stored images; whatever was not used for longest makes room."""

    def __init__(self) -> None:
        self._images: OrderedDict[str, Stored] = OrderedDict()
        self._bytes = 0

    def put(self, image: Image.Image, form: str = "PNG", content: bytes | None = None) -> Stored:
        """Store an image; ``content`` where it is encoded already."""
        encoded = content if content is not None else _encoded(image, form)
        name = secrets.token_hex(8)
        stored = Stored(id=name, content=encoded, format=form, width=image.width, height=image.height)
        self._images[name] = stored
        self._bytes += len(encoded)
        while len(self._images) > STORED_IMAGES_MAX or self._bytes > STORED_BYTES_MAX:
            self._bytes -= len(self._images.popitem(last=False)[1].content)
        return stored

    def get(self, name: str) -> Stored:
        """Find an image, and keep it a while longer."""
        if name not in self._images:
            raise HTTPException(404, f"There is no image {name[:40]!r}; store it again by POST /v1/images.")
        self._images.move_to_end(name)
        return self._images[name]


async def store(request: Request) -> Response:
    """POST /v1/images: keep the image that is the body."""
    content = await _body(request)
    image = await run_in_threadpool(_opened, content)
    stored = _shelf(request).put(image, image.format or "PNG", content)
    return JSONResponse({"data": stored.described()}, 201, headers={"Location": f"/v1/images/{stored.id}"})


async def show(request: Request) -> Response:
    """GET /v1/images/{id}: the image itself."""
    stored = _shelf(request).get(request.path_params["id"])
    return Response(stored.content, media_type=f"image/{stored.format.lower()}")


async def resize(request: Request) -> Response:
    """POST /v1/images/{id}/resize: a new image of the size that the JSON body asks for."""
    size = await _size(request)
    image = await _stored_image(request)
    smaller = await run_in_threadpool(image.convert("RGBA").resize, size, Image.Resampling.LANCZOS)
    return JSONResponse({"data": _shelf(request).put(smaller).described()}, 201)


async def analyse(request: Request) -> Response:
    """POST /v1/images/{id}/analysis: colours, brightness, contrast, sharpness, histogram."""
    image = await _stored_image(request)
    found = await run_in_threadpool(_analysis, image)
    meta = {"model": "pixels-1", "pixels": image.width * image.height}
    return JSONResponse({"data": {"id": request.path_params["id"], **found}, "meta": meta})


async def cut_out(request: Request) -> Response:
    """POST /v1/images/{id}/cutout: the image without its background, as JSON or, when asked for, as PNG."""
    image = await _stored_image(request)
    figure = await run_in_threadpool(_without_background, image)
    stored = _shelf(request).put(figure)
    if request.headers.get("accept") == "image/png":
        return Response(stored.content, 201, media_type="image/png")
    kept = ImageStat.Stat(figure.getchannel("A")).mean[0] / 255
    return JSONResponse({"data": {**stored.described(), "kept_share": round(kept, 4)}}, 201)


async def film(request: Request) -> Response:
    """POST /v1/videos: measure the motion in an animation; store its sharpest frame and a preview."""
    content = await _body(request)
    frames, milliseconds = await run_in_threadpool(_frames, content)
    motion, poster, previews = await run_in_threadpool(_filmed, frames)
    preview = await run_in_threadpool(_animated, previews, milliseconds)
    shelf = _shelf(request)
    stored = {"poster": shelf.put(poster).described(), "preview": shelf.put(previews[0], "GIF", preview).described()}
    facts = {"frames": len(frames), "duration_ms": sum(milliseconds), "motion": motion}
    return JSONResponse({"data": {**facts, **stored}, "meta": {"codec": "gif"}}, 201)


async def health(_: Request) -> Response:
    """GET /health: for whoever watches the process."""
    return JSONResponse({"status": "ok"})


async def refused(_: Request, error: HTTPException) -> Response:
    """Answer an error as JSON."""
    return JSONResponse({"error": {"status": error.status_code, "message": error.detail}}, error.status_code)


def create() -> Starlette:
    """Build the API with an empty shelf."""
    routes = [
        Route("/health", health),
        Route("/v1/images", store, methods=["POST"]),
        Route("/v1/images/{id}", show),
        Route("/v1/images/{id}/resize", resize, methods=["POST"]),
        Route("/v1/images/{id}/analysis", analyse, methods=["POST"]),
        Route("/v1/images/{id}/cutout", cut_out, methods=["POST"]),
        Route("/v1/videos", film, methods=["POST"]),
    ]
    made = Starlette(routes=routes, exception_handlers={HTTPException: refused})  # type: ignore[dict-item]
    made.state.shelf = Shelf()
    return made


def _shelf(request: Request) -> Shelf:
    shelf: Shelf = request.app.state.shelf
    return shelf


async def _stored_image(request: Request) -> Image.Image:
    return await run_in_threadpool(_opened, _shelf(request).get(request.path_params["id"]).content)


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > BODY_BYTES_MAX:
            raise HTTPException(413, f"The body is larger than {BODY_BYTES_MAX} bytes; send a smaller image.")
    return bytes(content)


async def _size(request: Request) -> tuple[int, int]:
    content = await _body(request)
    try:
        asked = json.loads(content)
        width, height = asked["width"], asked["height"]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise HTTPException(422, 'Send a JSON object such as {"width": 320, "height": 240}.') from error
    for side in (width, height):
        if type(side) is not int or not 1 <= side <= SIDE_PIXELS_MAX:
            raise HTTPException(422, f"{str(side)[:40]} is not a side; send a whole number, 1 to {SIDE_PIXELS_MAX}.")
    return width, height


def _opened(content: bytes) -> Image.Image:
    """Decode an image; its size is checked before a single pixel is made."""
    image = _guarded(lambda: Image.open(io.BytesIO(content), formats=FORMATS))
    if image.width * image.height > PIXELS_MAX:
        raise HTTPException(413, f"The image has {image.width} × {image.height} pixels; send at most {PIXELS_MAX}.")
    _guarded(image.load)
    return image


def _guarded(decode: Callable[[], T]) -> T:
    """Call a decoder; whatever it makes of hostile bytes is the caller's mistake."""
    try:
        return decode()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise HTTPException(413, f"The image is too large; send at most {PIXELS_MAX} pixels.") from error
    except _UNREADABLE as error:
        raise HTTPException(415, f"The body is no image that can be read; send one of {', '.join(FORMATS)}.") from error


def _encoded(image: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    image.save(out, form)
    return out.getvalue()


def _analysis(image: Image.Image) -> Figures:
    colour = ImageOps.exif_transpose(image).convert("RGB")
    grey = colour.convert("L")
    light = ImageStat.Stat(grey)
    edges = ImageStat.Stat(grey.filter(ImageFilter.FIND_EDGES))
    bins = grey.histogram()
    return {
        "colours": _dominant(colour),
        "brightness": round(light.mean[0] / 255, 4),
        "contrast": round(light.stddev[0] / 128, 4),
        "sharpness": round(edges.var[0] ** 0.5, 2),
        "histogram": [sum(bins[start : start + 16]) for start in range(0, 256, 16)],
    }


def _dominant(image: Image.Image) -> list[Figures]:
    """List up to five colours, most frequent first."""
    small = image.copy()
    small.thumbnail((128, 128))
    counted = small.quantize(5).convert("RGB").getcolors() or []
    pixels = small.width * small.height
    ordered = sorted(((count, tuple(rgb)) for count, rgb in counted if isinstance(rgb, tuple)), reverse=True)
    return [{"hex": "#{:02x}{:02x}{:02x}".format(*rgb), "share": round(count / pixels, 4)} for count, rgb in ordered]


def _without_background(image: Image.Image) -> Image.Image:
    """Make transparent what has its corner's colour and hangs together with that corner."""
    figure = image.convert("RGBA")
    small = image.convert("RGB")
    small.thumbnail((CUTOUT_SIDE_PIXELS, CUTOUT_SIDE_PIXELS))
    mask = Image.new("L", small.size, 255)
    right, bottom = small.width - 1, small.height - 1
    for corner in ((0, 0), (right, 0), (0, bottom), (right, bottom)):
        if mask.getpixel(corner):
            mask = ImageChops.darker(mask, _foreground(small, corner))
    softened = mask.resize(figure.size, Image.Resampling.BILINEAR)
    figure.putalpha(ImageChops.darker(softened, figure.getchannel("A")))
    return figure


def _foreground(image: Image.Image, corner: tuple[int, int]) -> Image.Image:
    """A mask: 0 where the background around one corner is, else 255."""
    colour = image.getpixel(corner)
    flat = Image.new("RGB", image.size, colour)
    red, green, blue = ImageChops.difference(image, flat).split()
    distance = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    mask = distance.point(lambda value: 1 if value <= BACKGROUND_DISTANCE else 255)
    ImageDraw.floodfill(mask, corner, 0)
    return mask.point(lambda value: 0 if value == 0 else 255)


def _frames(content: bytes) -> tuple[list[Image.Image], list[int]]:
    """Decode an animation: its frames, and how long each stands in milliseconds."""
    image = _opened(content)
    count = getattr(image, "n_frames", 1)
    if count > FRAMES_MAX or count * image.width * image.height > PIXELS_MAX:
        raise HTTPException(413, f"{count} frames of this size are too many; send at most {FRAMES_MAX}, or smaller.")
    decoded = _guarded(
        lambda: [(frame.convert("RGB"), frame.info.get("duration", 100)) for frame in ImageSequence.Iterator(image)]
    )
    return [frame for frame, _ in decoded], [int(duration) for _, duration in decoded]


def _filmed(frames: list[Image.Image]) -> tuple[list[float], Image.Image, list[Image.Image]]:
    """Measure the motion from frame to frame, find the sharpest frame, and make all of them small."""
    motion = [
        round(sum(ImageStat.Stat(ImageChops.difference(before, after)).mean) / 765, 4)
        for before, after in pairwise(frames)
    ]
    sharpest = max(frames, key=lambda frame: ImageStat.Stat(frame.convert("L").filter(ImageFilter.FIND_EDGES)).var[0])
    previews = [ImageOps.contain(frame, (PREVIEW_SIDE_PIXELS, PREVIEW_SIDE_PIXELS)) for frame in frames]
    return motion, sharpest, previews


def _animated(frames: list[Image.Image], milliseconds: list[int]) -> bytes:
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return out.getvalue()


app = create()
