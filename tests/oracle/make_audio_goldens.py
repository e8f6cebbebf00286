"""Writes tests/golden/media/audio/: sound clips, and what transformers makes of them.

    python tests/oracle/make_audio_goldens.py

Clips are seeded and synthetic; the samples of models/tiny-gemma4 take part where they lie. Per clip
the golden holds parts of three arrays of transformers.audio_utils.load_audio (soundfile, soxr) and
Gemma4AudioFeatureExtractor: the mono samples at the file's own rate, the samples at 16 kHz, the
log-mel frames; and sums over all of each, so that what is not stored counts too. `variants` are
feature extractors with other options, over samples at their own rate.

MP3 files without a Xing header are left out: soundfile takes an estimate of their length, by which
it may lose the end. Files written anew differ in a date (PEAK chunks) and in OGG's serial numbers.

goldens.json tells where in goldens.f32 (little-endian float32) each array begins.
"""

import json
import math
import pathlib
import warnings

import librosa
import numpy as np
import soundfile
from transformers import Gemma4AudioFeatureExtractor
from transformers.audio_utils import load_audio

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/media/audio"
SAMPLES = ROOT / "models/tiny-gemma4/samples"
RATE = 16000

rng = np.random.default_rng(20)


def time(seconds, rate):
    return np.arange(int(round(seconds * rate))) / rate


def tone(hertz, seconds, rate, level=0.5):
    return level * np.sin(2 * np.pi * hertz * time(seconds, rate))


def chirp(low, high, seconds, rate, level=0.5):
    t = time(seconds, rate)
    return level * np.sin(2 * np.pi * (low * t + (high - low) * t * t / (2 * seconds)))


def noise(seconds, rate, level=0.3):
    return level * rng.uniform(-1, 1, int(round(seconds * rate)))


def impulses(seconds, rate, every, level=0.9):
    x = np.zeros(int(round(seconds * rate)))
    x[:: int(every * rate)] = level
    return x


def vowel(hertz, seconds, rate):
    """Harmonics under two formants with an envelope: something like a voice."""
    t = time(seconds, rate)
    x = np.zeros_like(t)
    for k in range(1, int(rate / 2 / hertz)):
        f = k * hertz
        level = math.exp(-(((f - 650) / 250) ** 2)) + 0.5 * math.exp(-(((f - 1800) / 400) ** 2))
        x += level * np.sin(2 * np.pi * f * t + k)
    return 0.4 * x / np.abs(x).max() * np.hanning(len(t))


def bursts(seconds, rate):
    """Coarse steps and digital silence: half a minute that FLAC keeps small."""
    x = np.zeros(int(round(seconds * rate)))
    for start in np.arange(0.5, seconds - 0.5, 2.5):
        t = time(0.12, rate)
        f = rng.integers(1, 12) * rate / 64
        i = int(start * rate)
        x[i : i + len(t)] = np.round(6 * np.sin(2 * np.pi * f * t)) / 8
    return x


def channels(*columns):
    return np.stack(columns, axis=1)


def clips():
    """(file name, samples, rate, soundfile's format, subtype, endian)"""
    speech = [vowel(110 + 17 * i, 0.35, RATE) for i in range(20)]
    # Length and content at the native rate.
    yield "silence.wav", np.zeros(4000), RATE, "WAV", "PCM_16"
    yield "one_sample.wav", np.array([0.5]), RATE, "WAV", "PCM_16"
    yield "no_frame_128.wav", tone(440, 128 / RATE, RATE), RATE, "WAV", "PCM_16"
    yield "no_valid_frame_160.wav", tone(440, 0.01, RATE), RATE, "WAV", "PCM_16"
    yield "one_valid_frame_161.wav", tone(440, 161 / RATE, RATE), RATE, "WAV", "PCM_16"
    yield "short_50ms.wav", vowel(150, 0.05, RATE), RATE, "WAV", "PCM_16"
    yield "multiple_of_128.wav", noise(1280 / RATE, RATE), RATE, "WAV", "PCM_16"
    yield "five_valid_frames.wav", noise(801 / RATE, RATE), RATE, "WAV", "PCM_16"
    yield "clipping.wav", np.clip(tone(220, 0.25, RATE, 3.0), -1, 1), RATE, "WAV", "PCM_16"
    yield "full_scale_square.wav", np.sign(tone(100.1, 0.25, RATE)), RATE, "WAV", "FLOAT"
    yield "beyond_full_scale.wav", tone(500, 0.2, RATE, 4.0), RATE, "WAV", "FLOAT"
    yield "tone_1k.wav", tone(1000, 0.3, RATE, 1.0), RATE, "WAV", "FLOAT"
    yield "tone_near_nyquist.flac", tone(7900, 0.5, RATE, 0.9), RATE, "FLAC", "PCM_16"
    yield "constant.flac", np.full(6000, 0.75), RATE, "FLAC", "PCM_16"
    yield "chirp.flac", chirp(20, 8000, 0.5, RATE), RATE, "FLAC", "PCM_16"
    yield "white_noise.wav", noise(0.3, RATE, 1.0), RATE, "WAV", "PCM_16"
    yield "faint_noise.wav", noise(0.3, RATE, 1e-4), RATE, "WAV", "FLOAT"
    yield "impulses.flac", impulses(1.0, RATE, 0.05), RATE, "FLAC", "PCM_16"
    yield "thirty_seconds.flac", bursts(30, RATE), RATE, "FLAC", "PCM_16"
    # Containers and codecs.
    yield "pcm_u8.wav", speech[0], RATE, "WAV", "PCM_U8"
    yield "pcm_24.wav", speech[1], RATE, "WAV", "PCM_24"
    yield "pcm_32.wav", speech[2], RATE, "WAV", "PCM_32"
    yield "float_64.wav", speech[3][:2000], RATE, "WAV", "DOUBLE"
    yield "a_law.wav", speech[4], RATE, "WAV", "ALAW"
    yield "mu_law.wav", speech[5], RATE, "WAV", "ULAW"
    yield "ima_adpcm.wav", speech[6], RATE, "WAV", "IMA_ADPCM"
    yield "ms_adpcm.wav", speech[7], RATE, "WAV", "MS_ADPCM"
    yield "big_endian_rifx.wav", speech[8], RATE, "WAV", "PCM_16", "BIG"
    yield "wavex_24_stereo.wav", channels(speech[9], 0.5 * speech[10])[:3000], RATE, "WAVEX", "PCM_24"
    yield "rf64.wav", speech[11], RATE, "RF64", "PCM_16"
    yield "aiff_16.aiff", speech[12], RATE, "AIFF", "PCM_16"
    yield "aiff_s8.aiff", speech[13], RATE, "AIFF", "PCM_S8"
    yield "aifc_float.aiff", speech[14][:2500], RATE, "AIFF", "FLOAT"
    yield "au_mu_law.au", speech[15], RATE, "AU", "ULAW"
    yield "caf_16.caf", speech[16], RATE, "CAF", "PCM_16"
    yield "flac_24.flac", speech[17], RATE, "FLAC", "PCM_24"
    yield "flac_s8.flac", speech[18], RATE, "FLAC", "PCM_S8"
    yield "vorbis_16k.ogg", vowel(130, 0.8, RATE), RATE, "OGG", "VORBIS"
    # Other rates and channels.
    yield "rate_8000.wav", vowel(120, 0.5, 8000), 8000, "WAV", "PCM_16"
    yield "rate_11025.flac", chirp(50, 5000, 0.7, 11025), 11025, "FLAC", "PCM_16"
    yield "rate_22050.flac", vowel(160, 0.5, 22050), 22050, "FLAC", "PCM_16"
    yield "rate_44100.flac", vowel(125, 0.4, 44100), 44100, "FLAC", "PCM_16"
    yield "rate_48000.flac", chirp(50, 22000, 0.3, 48000), 48000, "FLAC", "PCM_16"
    yield "rate_96000.flac", vowel(125, 0.2, 96000), 96000, "FLAC", "PCM_24"
    yield "rate_44100_short.wav", tone(440, 0.01, 44100), 44100, "WAV", "PCM_16"
    yield "rate_48000_one_sample.wav", np.array([0.5]), 48000, "WAV", "PCM_16"
    yield "impulses_44100.flac", impulses(0.6, 44100, 0.1), 44100, "FLAC", "PCM_16"
    left, right = vowel(100, 0.3, 44100), vowel(210, 0.3, 44100)
    yield "stereo_44100.flac", channels(left, right), 44100, "FLAC", "PCM_16"
    yield "stereo_opposite.wav", channels(speech[19][:2000], -speech[19][:2000]), RATE, "WAV", "PCM_16"
    six = [vowel(90 + 30 * i, 0.12, 48000) for i in range(6)]
    yield "surround_5_1.flac", channels(*six), 48000, "FLAC", "PCM_16"
    yield "vorbis_44100_stereo.ogg", channels(left, right), 44100, "OGG", "VORBIS"
    yield "opus_48000.opus", vowel(135, 0.8, 48000), 48000, "OGG", "OPUS"
    yield "mp3_44100_stereo.mp3", channels(left, right), 44100, "MP3", "MPEG_LAYER_III"
    yield "mp3_16000.mp3", vowel(115, 0.6, RATE), RATE, "MP3", "MPEG_LAYER_III"


# (name, options, clip length in seconds)
VARIANTS = [
    ("preemphasis_htk", {"preemphasis": 0.97}),
    ("preemphasis_plain", {"preemphasis": 0.97, "preemphasis_htk_flavor": False}),
    ("fft_overdrive", {"fft_overdrive": True}),
    ("input_scale", {"input_scale_factor": 32768.0}),
    ("mel_floor", {"mel_floor": 1e-5}),
    ("padding_value", {"padding_value": 0.25}),
    ("bins_80", {"feature_size": 80}),
    ("bins_40_band", {"feature_size": 40, "min_frequency": 125.0, "max_frequency": 7600.0}),
    ("bins_256", {"feature_size": 256}),
    ("above_nyquist", {"max_frequency": 12000.0}),
    ("frame_32_hop_8", {"frame_length_ms": 32.0, "hop_length_ms": 8.0}),
    ("frame_25_hop_12_5", {"frame_length_ms": 25.0, "hop_length_ms": 12.5}),
    ("hop_above_frame", {"frame_length_ms": 10.0, "hop_length_ms": 15.0}),
    ("odd_frame", {"frame_length_ms": 20.0625}),
    ("tiny_frame", {"frame_length_ms": 0.2, "hop_length_ms": 5.0, "feature_size": 4}),
    ("rate_8000", {"sampling_rate": 8000, "max_frequency": 4000.0}),
    ("rate_22050", {"sampling_rate": 22050, "max_frequency": 11025.0}),
    ("rate_11025_odd", {"sampling_rate": 11025, "max_frequency": 5000.0, "feature_size": 64}),
    (
        "per_bin",
        {
            "per_bin_mean": [round(-3 + 0.03 * i, 4) for i in range(128)],
            "per_bin_stddev": [round(0.5 + 0.01 * i, 4) for i in range(128)],
        },
    ),
    (
        "all_together",
        {
            "preemphasis": 0.9,
            "fft_overdrive": True,
            "input_scale_factor": 0.5,
            "mel_floor": 1e-4,
            "feature_size": 32,
            "min_frequency": 60.0,
            "per_bin_mean": [round(0.1 * i, 4) for i in range(32)],
            "per_bin_stddev": [2.0] * 32,
        },
    ),
]


class Blob:
    def __init__(self):
        self.parts, self.size = [], 0

    def add(self, array):
        array = np.ascontiguousarray(array, dtype="<f4").ravel()
        begin, self.size = self.size, self.size + len(array)
        self.parts.append(array)
        return {"begin": begin, "size": len(array)}

    def signal(self, x, window):
        """Begin, middle and end of a signal, and sums over all of it."""
        starts = sorted({0, max(0, len(x) // 2 - window // 2), max(0, len(x) - window)})
        wide = x.astype(np.float64)
        return {
            "count": len(x),
            "sum_of_squares": float(np.sum(wide * wide)),
            "windows": [{"at": s} | self.add(x[s : s + window]) for s in starts],
        }

    def mel(self, features, mask, rows):
        valid = int(mask.sum())
        assert mask[:valid].all() and not features[valid:].any()
        chosen = sorted(set(rng.integers(0, valid, rows).tolist()) | {0, valid - 1}) if valid else []
        return {
            "frames": len(mask),
            "bins": features.shape[1],
            "valid": valid,
            # As Gemma4Processor.replace_audio_token counts.
            "soft_tokens": int(mask[::2][::2].sum()),
            "rows": [{"frame": r} | self.add(features[r]) for r in chosen],
            "mean": self.add(features[:valid].astype(np.float64).mean(axis=0) if valid else []),
        }


def extract(extractor, samples):
    # In a list, as the processor passes it: a bare array would be padded along another axis.
    out = extractor([samples.astype(np.float32)])
    return np.asarray(out.input_features[0]), np.asarray(out.input_features_mask[0])


def main():
    warnings.simplefilter("ignore")
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.iterdir():
        old.unlink()
    blob, entries = Blob(), []
    paths = []
    for name, x, rate, container, codec, *endian in clips():
        path = OUT / name
        soundfile.write(path, x, rate, codec, endian[0] if endian else None, container)
        paths.append(path)
    paths += sorted(SAMPLES.glob("audio*.wav"))
    extractor = Gemma4AudioFeatureExtractor()
    for path in paths:
        native, rate = soundfile.read(path, dtype="float32", always_2d=True)
        native = load_audio(str(path), sampling_rate=rate, backend="soundfile")
        samples = load_audio(str(path), sampling_rate=RATE, backend="soundfile")
        entry = {"file": str(path.relative_to(ROOT)), "rate": rate, "native": blob.signal(native, 96)}
        if rate != RATE:
            other = librosa.resample(native, orig_sr=rate, target_sr=RATE)
            assert len(other) == len(samples) and np.abs(other - samples).max() < 1e-6, path
            entry["resampled"] = blob.signal(samples, 400)
        entry["mel"] = blob.mel(*extract(extractor, samples), rows=4)
        entries.append(entry)

    variants = []
    for name, options in VARIANTS:
        extractor = Gemma4AudioFeatureExtractor(**options)
        # What the test can make itself, exactly: a sawtooth over a square, and silence.
        n = np.arange(int(0.4 * extractor.sampling_rate) + 77)
        x = ((n % 97) / 256 - (n % 512 >= 256) / 8 - 0.125) * (n % 3000 < 2000)
        variants.append(
            {
                "name": name,
                "options": options,
                "samples": len(n),
                "mel": blob.mel(*extract(extractor, x), rows=4),
            }
        )

    np.concatenate(blob.parts).tofile(OUT / "goldens.f32")
    golden = {"clips": entries, "variants": variants}
    (OUT / "goldens.json").write_text(json.dumps(golden, indent=1) + "\n")
    total = sum(p.stat().st_size for p in OUT.iterdir())
    print(f"{len(entries)} clips, {len(variants)} variants, {total} bytes")


if __name__ == "__main__":
    main()
