"""The image files of make_image_goldens.py: seeded, small, one property each."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

RNG_SEED = 20


def picture(width, height, channels=3, seed=0, block=8, maximum=255):
    """Blocks of random colour (sharp edges that compress) over a slope (values between)."""
    rng = np.random.default_rng([RNG_SEED, seed, width, height])
    small = rng.integers(0, maximum + 1, (-(-height // block), -(-width // block), channels))
    blocks = small.repeat(block, 0).repeat(block, 1)[:height, :width]
    y, x = np.mgrid[0:height, 0:width]
    slope = (x * 3 + y * 2)[..., None] % (maximum + 1)
    return ((blocks * 3 + slope) // 4).astype(np.uint16 if maximum > 255 else np.uint8)


def saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def exif(orientation, order="<"):
    head = b"II*\0" if order == "<" else b"MM\0*"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0" + head + struct.pack(order + "IH", 8, 1) + entry + struct.pack(order + "I", 0)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(rows, depth):
    """[height, samples] values to the bytes of a pass, each row after filter byte 0."""
    out = b""
    for row in rows:
        if depth == 16:
            out += b"\0" + row.astype(">u2").tobytes()
        else:
            bits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth:]
            out += b"\0" + np.packbits(bits.reshape(-1)).tobytes()
    return out


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(values, color, depth, before=b"", after=b"", interlaced=False):
    """[height, width, samples] values; `before` and `after` the pixels: more chunks."""
    height, width, samples = values.shape
    passes = [values[y::dy, x::dx] for x, y, dx, dy in ADAM7] if interlaced else [values]
    data = b"".join(packed(p.reshape(p.shape[0], -1), depth) for p in passes if p.size)
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before + chunk(b"IDAT", zlib.compress(data, 9))
            + after + chunk(b"IEND", b""))


def palette(colors, seed=7):
    values = np.random.default_rng([RNG_SEED, seed]).integers(0, 256, (colors, 3), dtype=np.uint8)
    return chunk(b"PLTE", values.tobytes())


def pngs():
    w, h = 61, 47
    rgb = picture(w, h)
    yield "one_pixel.png", saved(Image.fromarray(picture(1, 1)), "PNG")
    for width, height in [(2, 3), (48, 48), (47, 49), (30, 20), (1, 1000), (1000, 1), (3000, 10), (7, 2500), (20000, 3),
                          (816, 768), (480, 1296), (333, 777)]:
        yield f"rgb_{width}x{height}.png", saved(Image.fromarray(picture(width, height)), "PNG", optimize=True)
    yield "gray.png", saved(Image.fromarray(rgb[..., 0]), "PNG")
    yield "gray_alpha.png", saved(Image.fromarray(picture(w, h, 2), "LA"), "PNG")
    yield "rgba.png", saved(Image.fromarray(picture(w, h, 4), "RGBA"), "PNG")
    yield "png_named.jpg", saved(Image.fromarray(picture(w, h, 4, seed=3), "RGBA"), "PNG")
    for depth in (1, 2, 4):
        values = picture(w, h, 1, maximum=2**depth - 1)
        yield f"gray_{depth}bit.png", png(values, 0, depth)
        yield f"palette_{depth}bit.png", png(values, 3, depth, palette(2**depth))
    values = picture(w, h, 1)
    yield "palette.png", png(values, 3, 8, palette(256))
    yield "palette_transparent.png", png(values, 3, 8, palette(256) + chunk(b"tRNS", bytes(range(200))))
    yield "palette_short.png", png(values // 2, 3, 8, palette(100))
    yield "palette_one_transparent.png", png(picture(w, h, 1, maximum=15), 3, 4,
                                             palette(16) + chunk(b"tRNS", b"\xff" * 5 + b"\0\xff"))
    yield "gray_transparent.png", png(values, 0, 8, chunk(b"tRNS", b"\0\x50"))
    yield "gray_transparent_4bit.png", png(picture(w, h, 1, maximum=15), 0, 4, chunk(b"tRNS", b"\0\x22"))
    yield "gray_transparent_1bit.png", png(picture(w, h, 1, maximum=1), 0, 1, chunk(b"tRNS", b"\0\0"))
    yield "gray_transparent_16bit.png", png(picture(w, h, 1, maximum=700) // 100, 0, 16, chunk(b"tRNS", b"\1\0"))
    yield "rgb_transparent.png", png(rgb, 2, 8, chunk(b"tRNS", struct.pack(">3H", *rgb[20, 30].astype(int) + 256)))
    deep = picture(w, h, 4, maximum=65535)
    low = picture(w, h, 1, maximum=700)  # 16-bit grey is clipped, not scaled: see some of it
    yield "gray_16bit.png", png(deep[..., :1], 0, 16)
    yield "gray_16bit_dark.png", png(low, 0, 16)
    yield "gray_alpha_16bit.png", png(deep[..., :2], 4, 16)
    yield "rgb_16bit.png", png(deep[..., :3], 2, 16)
    yield "rgba_16bit.png", png(deep, 6, 16)
    yield "interlaced_rgb.png", png(rgb, 2, 8, interlaced=True)
    yield "interlaced_rgba_16bit.png", png(deep, 6, 16, interlaced=True)
    yield "interlaced_gray_16bit.png", png(low, 0, 16, interlaced=True)
    yield "interlaced_palette_4bit.png", png(picture(w, h, 1, maximum=15), 3, 4, palette(16), interlaced=True)
    yield "interlaced_gray_1bit_5x3.png", png(picture(5, 3, 1, maximum=1, block=1), 0, 1, interlaced=True)
    yield "gamma.png", png(rgb, 2, 8, chunk(b"gAMA", struct.pack(">I", 100000)))
    yield "exif_6.png", png(rgb, 2, 8, chunk(b"eXIf", exif(6)[6:]))
    yield "exif_after_pixels_8.png", png(rgb, 2, 8, after=chunk(b"eXIf", exif(8, ">")[6:]))
    profile = exif(3)
    text = f"\nexif\n{len(profile):8}\n{profile.hex()}\n".encode()
    yield "raw_profile_3.png", png(rgb, 2, 8, chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)))
    xmp = b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta><rdf tiff:Orientation=\"5\"/></x:xmpmeta>"
    yield "xmp_5.png", png(rgb, 2, 8, chunk(b"iTXt", xmp))


def with_app1(jpeg, payload):
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def jpegs():
    rgb = Image.fromarray(picture(100, 60, block=16))
    y, x = np.mgrid[0:3000, 0:4000]
    wide = np.stack([x // 20 % 256, y // 16 % 256, (x + y) // 40 % 256], -1).astype(np.uint8)
    wide[1000:1100, 500:3000] = (250, 20, 120)
    yield "photo_4000x3000.jpg", saved(Image.fromarray(wide), "JPEG", quality=30, optimize=True)
    for name, sampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"rgb_{name}.jpg", saved(rgb, "JPEG", quality=85, subsampling=sampling)
    yield "progressive.jpg", saved(rgb, "JPEG", quality=80, progressive=True)
    yield "restarts.jpg", saved(rgb, "JPEG", quality=80, restart_marker_blocks=3)
    yield "adobe_rgb.jpg", saved(rgb, "JPEG", quality=80, keep_rgb=True)
    yield "gray.jpg", saved(rgb.convert("L"), "JPEG", quality=80)
    cmyk = saved(Image.fromarray(picture(100, 60, 4, block=16), "CMYK"), "JPEG", quality=80)
    yield "cmyk.jpg", cmyk
    at = cmyk.index(b"Adobe") + 11
    yield "ycck.jpg", cmyk[:at] + b"\2" + cmyk[at + 1:]
    plain = saved(rgb, "JPEG", quality=60)
    for orientation in range(1, 9):
        yield f"exif_{orientation}.jpg", with_app1(plain, exif(orientation, "<>"[orientation % 2]))
    yield "exif_9.jpg", with_app1(plain, exif(9))
    xmp = b"http://ns.adobe.com/xap/1.0/\0<tiff:Orientation>7</tiff:Orientation>"
    yield "xmp_7.jpg", with_app1(plain, xmp)
    yield "exif_over_xmp.jpg", with_app1(with_app1(plain, xmp), exif(6))


def webps():
    rgb = Image.fromarray(picture(100, 60, block=16))
    rgba = Image.fromarray(picture(100, 60, 4, block=16), "RGBA")
    other = Image.fromarray(picture(100, 60, seed=5, block=16))
    yield "lossy.webp", saved(rgb, "WEBP", quality=70)
    yield "lossy_alpha.webp", saved(rgba, "WEBP", quality=70)
    yield "lossless.webp", saved(rgb, "WEBP", lossless=True)
    yield "lossless_alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True)
    animated = saved(rgb, "WEBP", lossless=True, save_all=True, append_images=[other], duration=40)
    yield "animated.webp", animated
    yield "animated_lossy_alpha.webp", saved(rgba, "WEBP", quality=70, save_all=True, append_images=[other])
    at = animated.index(b"VP8X") + 12
    wider = struct.pack("<I", 120 - 1)[:3] + struct.pack("<I", 90 - 1)[:3]
    animated = animated[:at] + wider + animated[at + 6:]
    at = animated.index(b"ANMF") + 8
    yield "animated_offset.webp", animated[:at] + b"\4\0\0\7\0\0" + animated[at + 6:]
    yield "exif_3.webp", saved(rgb, "WEBP", lossless=True, exif=exif(3))


def bmp(width, height, bits, data, colors=b"", compression=0, header=40, masks=(), count=0):
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(data), 0, 0, count, 0)
        info += struct.pack(f"<{len(masks)}I", *masks)
        info += bytes(max(0, header - len(info)))
    offset = 14 + len(info) + len(colors)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + info + colors + data


def bmp_rows(rows, bits):
    """Bottom row first, each padded to four bytes."""
    out = b""
    for row in rows[::-1]:
        data = np.packbits(np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - bits:].reshape(-1)).tobytes()
        out += data + bytes(-len(data) % 4)
    return out


def bmp_values(rows, size):
    out = b""
    for row in rows[::-1]:
        data = b"".join(int(v).to_bytes(size, "little") for v in row)
        out += data + bytes(-len(data) % 4)
    return out


def bmps():
    w, h = 37, 23
    rgb = Image.fromarray(picture(w, h, block=4))
    rng = np.random.default_rng([RNG_SEED, 9])
    yield "rgb.bmp", saved(rgb, "BMP")
    yield "rgba.bmp", saved(Image.fromarray(picture(w, h, 4, block=4), "RGBA"), "BMP")
    yield "gray.bmp", saved(rgb.convert("L"), "BMP")
    yield "bilevel.bmp", saved(rgb.convert("1"), "BMP")
    colors = {n: rng.integers(0, 256, (n, 4), dtype=np.uint8).tobytes() for n in (2, 16, 100, 256)}
    for bits in (1, 4, 8):
        values = picture(w, h, 1, block=4, maximum=2**bits - 1)[..., 0]
        yield f"palette_{bits}bit.bmp", bmp(w, h, bits, bmp_rows(values, bits), colors[2**bits])
        yield f"top_down_{bits}bit.bmp", bmp(w, -h, bits, bmp_rows(values, bits), colors[2**bits])
    values = picture(w, h, 1, block=4)[..., 0]
    yield "palette_short.bmp", bmp(w, h, 8, bmp_rows(values // 2, 8), colors[100], count=100)
    os2 = rng.integers(0, 256, 16 * 3, dtype=np.uint8).tobytes()
    yield "os2.bmp", bmp(w, h, 4, bmp_rows(values // 16, 4), os2, header=12)
    deep = rng.integers(0, 2**16, (h, w))
    yield "rgb_555.bmp", bmp(w, h, 16, bmp_values(deep, 2))
    yield "rgb_565.bmp", bmp(w, h, 16, bmp_values(deep, 2), compression=3, masks=(0xF800, 0x7E0, 0x1F))
    full = rng.integers(0, 2**32, (h, w))
    yield "rgb_32bit.bmp", bmp(w, -h, 32, bmp_values(full, 4))
    yield "masks_32bit.bmp", bmp(w, h, 32, bmp_values(full, 4), compression=3, header=108,
                                 masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000))
    yield "rle_8bit.bmp", bmp(16, 4, 8, bytes([
        16, 7, 0, 0, 5, 1, 0, 5, 10, 20, 30, 40, 50, 0, 6, 9, 0, 0, 3, 4, 0, 2, 2, 1, 11, 8, 0, 0, 16, 3, 0, 1]),
        colors[256], compression=1)
    yield "rle_4bit.bmp", bmp(16, 3, 4, bytes([16, 0x5A, 0, 0, 3, 0x12, 0, 5, 0x34, 0x56, 0x70, 0, 8, 0x9C, 0, 0,
                                               20, 0xEF, 0, 1]), colors[16], compression=2)


def refused():
    good = saved(Image.fromarray(picture(61, 47)), "PNG")
    yield "truncated.png", good[:len(good) // 2]
    jpeg = saved(Image.fromarray(picture(100, 60, block=16)), "JPEG", quality=60)
    yield "truncated.jpg", jpeg[:len(jpeg) // 2]
    yield "truncated.webp", dict(webps())["lossy.webp"][:200]
    yield "truncated.bmp", dict(bmps())["rgb.bmp"][:500]
    yield "empty.png", b""
    yield "text.png", b"This is no image.\n"
    yield "no_pixels.png", png(np.zeros((0, 5, 3), np.uint8), 2, 8)
    yield "six_bits.bmp", bmp(4, 4, 6, bytes(64))
    yield "rle_short.bmp", bmp(16, 4, 8, bytes([16, 7, 0, 1]), bytes(1024), compression=1)


def files():
    for make in (pngs, jpegs, webps, bmps, refused):
        yield from make()
