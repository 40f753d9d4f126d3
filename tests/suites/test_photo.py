"""Photographs of odd kinds: decoded right, or refused with what is wrong."""

import io

import numpy as np
import pytest
from PIL import Image

from cheapconv.suites.photo import BrokenImageError, Photo, centre
from tests.suites.pictures import encoded, picture

WHOLE = picture(1, 32, 24)


def shown(data: bytes, side: int = 24) -> np.ndarray:
    """(side, side, 3) of the middle."""
    photo = Photo(data)
    return np.asarray(photo.crop(centre(photo.size, 1.0), (side, side))).astype(int)


def expected() -> np.ndarray:
    return np.asarray(WHOLE.crop((4, 0, 28, 24))).astype(int)


def close(a: np.ndarray, b: np.ndarray, within: float = 6) -> bool:
    return float(np.abs(a - b).mean()) < within


def test_a_lossless_middle_is_exact() -> None:
    assert np.array_equal(shown(encoded(WHOLE, "PNG")), expected())


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("RGBA", "PNG"), ("RGB", "WEBP"), ("YCbCr", "JPEG"), ("YCbCr", "TIFF")],
)
def test_other_models_of_colour_come_back_as_they_look(mode: str, kind: str) -> None:
    assert close(shown(encoded(WHOLE.convert(mode), kind)), expected())


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_is_looked_up(kind: str) -> None:
    assert close(shown(encoded(WHOLE.convert("P", palette=Image.Palette.ADAPTIVE), kind)), expected(), 12)


@pytest.mark.parametrize(("mode", "kind"), [("L", "JPEG"), ("L", "PNG"), ("LA", "PNG"), ("1", "PNG")])
def test_grey_is_three_equal_channels(mode: str, kind: str) -> None:
    grey = WHOLE.convert("L") if mode != "1" else WHOLE.convert("1")
    found = shown(encoded(grey.convert(mode), kind))
    assert (found[..., 0] == found[..., 1]).all()
    assert (found[..., 0] == found[..., 2]).all()
    assert close(found[..., 0], np.asarray(grey.convert("L").crop((4, 0, 28, 24))).astype(int))


def test_sixteen_bits_are_shortened_and_not_clipped() -> None:
    line = np.linspace(0, 65535, 24, dtype=np.uint16)
    found = shown(encoded(Image.fromarray(np.tile(line, (24, 1))), "PNG"))
    assert np.array_equal(found[0, :, 0], line >> 8)


def test_what_is_transparent_is_white() -> None:
    layer = WHOLE.convert("RGBA")
    layer.putalpha(Image.fromarray(np.full((24, 32), 255, np.uint8)))
    layer.paste((9, 9, 9, 0), (4, 0, 16, 24))
    found = shown(encoded(layer, "PNG"))
    assert (found[:, :12] == 255).all()
    assert np.array_equal(found[:, 12:], expected()[:, 12:])
    palette = Image.new("P", (24, 24), 0)
    palette.putpalette([200, 0, 0, 0, 200, 0])
    assert (shown(encoded(palette, "PNG", transparency=0)) == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_camera_is_turned_back(orientation: int) -> None:
    turned = {
        1: WHOLE,
        2: WHOLE.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: WHOLE.rotate(180),
        4: WHOLE.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: WHOLE.transpose(Image.Transpose.TRANSPOSE),
        6: WHOLE.rotate(90, expand=True),  # anticlockwise; the number says: turn clockwise
        7: WHOLE.transpose(Image.Transpose.TRANSVERSE),
        8: WHOLE.rotate(-90, expand=True),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(turned, "PNG", exif=exif.tobytes())
    assert Photo(data).size == (32, 24)
    assert np.array_equal(shown(data), expected())


def test_damaged_exif_is_not_the_end_of_an_image() -> None:
    data = encoded(WHOLE, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff garbage", quality=95)
    assert close(shown(data), expected())


def test_a_large_jpeg_is_decoded_small_and_looks_the_same() -> None:
    large = picture(3, 400, 300)
    found = shown(encoded(large, quality=95), 32)
    wanted = large.resize((32, 32), Image.Resampling.BILINEAR, box=(50, 0, 350, 300))
    assert close(found, np.asarray(wanted).astype(int))


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_is_cut_off_is_broken(share: float, kind: str) -> None:
    data = encoded(picture(2, 200, 150), kind)
    with pytest.raises(BrokenImageError):
        shown(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "the file is empty"),
        (b"a text", "it is no image of a known kind"),
        (bytes(5000), "it is no image of a known kind"),
        (encoded(Image.fromarray(np.ones((24, 24), np.float32)), "TIFF"), "floating-point"),
    ],
)
def test_what_is_no_image_says_so(data: bytes, what: str) -> None:
    with pytest.raises(BrokenImageError, match=what):
        shown(data)


def test_damage_in_the_middle_never_escapes_as_another_error() -> None:
    """Whatever Pillow raises on bytes that were turned over, it is a broken image, or one that looks odd."""
    draw, said = np.random.default_rng(0), []
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"):
        whole = bytearray(encoded(WHOLE, kind))
        for _ in range(20):
            damaged = bytearray(whole)
            for position in draw.integers(0, len(whole), 4):
                damaged[position] ^= int(draw.integers(1, 256))
            try:
                shown(bytes(damaged))
            except BrokenImageError as error:
                said.append(str(error))
    assert len(said) > 20
    assert all(said)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    file = io.BytesIO(encoded(Image.new("1", (8, 8)), "PNG"))
    data = bytearray(file.getvalue())
    data[16:24] = (60000).to_bytes(4, "big") * 2
    with pytest.raises(BrokenImageError):
        shown(bytes(data))
