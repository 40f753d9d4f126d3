"""A photograph out of its file: decoded whatever wrote it, upright, red, green and blue of 8 bits.

A JPEG is decoded at the smallest scale that still has every pixel that is asked for (libjpeg's, in the frequency
domain), which is where most of the time of a small crop goes. Transparency is shown on white, 16 bits a channel are
shortened to 8 and not clipped, and what EXIF says of the camera's position is heeded. What is cut off or no image is a
BrokenImageError; nothing of a file is guessed.
"""

import io
import struct
import warnings
import zlib

import numpy as np
from PIL import Image

from cheapconv.catalog.errors import REFUSALS, reason

ENDINGS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
)
ORIENTATION = 0x0112  # tag of EXIF
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = range(5, 9)
# What Pillow's two dozen decoders raise on bytes that were not meant for them.
_CANNOT = (OSError, SyntaxError, EOFError, struct.error, zlib.error, Image.DecompressionBombError, *REFUSALS)

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels of the upright photograph


class BrokenImageError(Exception):
    """A file that holds no image, or not all of one; the text says what is wrong."""


class Photo:
    """A photograph whose size is known and whose pixels are yet to be decoded, which can be done once."""

    def __init__(self, data: bytes) -> None:
        if not data:
            raise BrokenImageError("the file is empty")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of odd EXIF and of large images: what matters is raised
                self._image = Image.open(io.BytesIO(data))
                self._orientation = _orientation(self._image)
        except _CANNOT as error:
            raise BrokenImageError(_what(error)) from error

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright."""
        width, height = self._image.size
        return (height, width) if self._orientation in _ON_ITS_SIDE else (width, height)

    @property
    def is_plain(self) -> bool:
        """Whether it is a JPEG of three colours that needs no turning."""
        return self._image.format == "JPEG" and self._image.mode == "RGB" and self._orientation not in _UPRIGHT

    def crop(self, box: Box, to: tuple[int, int]) -> Image.Image:
        """The part of it in `box`, in so many pixels: bilinear, over all pixels that it is made of."""
        width, height = self.size
        scale = max(1.0, min((box[2] - box[0]) / to[0], (box[3] - box[1]) / to[1]))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                across, down = self._image.size  # as they lie in the file: the scale is one number for both
                self._image.draft(None, (int(across / scale), int(down / scale)))  # no smaller than this comes back
                whole = _rgb(self._image)
            if self._orientation in _UPRIGHT:
                whole = whole.transpose(_UPRIGHT[self._orientation])
        except _CANNOT as error:
            raise BrokenImageError(_what(error)) from error
        x, y = whole.width / width, whole.height / height
        inside = box[0] * x, box[1] * y, min(box[2] * x, whole.width), min(box[3] * y, whole.height)
        return whole.resize(to, Image.Resampling.BILINEAR, box=inside)


def centre(size: tuple[int, int], share: float) -> Box:
    """The square in the middle of an image whose edge is `share` of its shorter side."""
    width, height = size
    edge = min(width, height) * share
    left, top = (width - edge) / 2, (height - edge) / 2
    return left, top, left + edge, top + edge


def _orientation(image: Image.Image) -> int:
    """1 to 8 as EXIF counts them; 1 where it says nothing that can be read."""
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except _CANNOT:  # damaged EXIF, and a whole image behind it
        return 1
    return found if isinstance(found, int) else 1


def _rgb(image: Image.Image) -> Image.Image:
    """All its pixels, decoded, as RGB."""
    image.load()
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers of no known range")
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image.convert("RGB")


def _what(error: BaseException) -> str:
    """What is wrong, without the address of the bytes that Pillow was given."""
    return "it is no image of a known kind" if isinstance(error, Image.UnidentifiedImageError) else reason(error)
