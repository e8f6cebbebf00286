"""See run_build_bench."""
import argparse
import os
import statistics
import subprocess
import sys

from common import LAPIDARY, WORK, checkpoint, machine, revision, run, save

# Real E2B layer dims; fewer layers and half the vocabulary, so that tables (1.1 GB) and layers (1.0 GB) keep about E2B's
# proportion (5.5 and 4.1 GB).
FLAGS = ("--preset e2b --layers 10 --kv-shared 5 --vocab 131072 --vision-layers 0 --audio-layers 0 --context 4096"
         " --shard-gb 1 --seed 2")


def options():
    parser = argparse.ArgumentParser(description="lapidary build beside a copy of the same bytes")
    parser.add_argument("--lapidary", default=LAPIDARY)
    parser.add_argument("--recipe", default="cpu-int4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="drop the checkpoint from the page cache before each step")
    parser.add_argument("--flags", default=FLAGS, help="of tools/tiny-gemma4/random_checkpoint.py")
    parser.add_argument("--out", default=os.path.join(WORK, "build_bench.json"))
    return parser.parse_args()


def files(folder):
    return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]


def size(folder):
    return sum(os.path.getsize(path) for path in files(folder))


def prepare(folder, cold):
    """The checkpoint's pages: all in the cache, or none."""
    for path in files(folder):
        with open(path, "rb") as f:
            if cold:
                os.fsync(f.fileno())
                os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            else:
                while f.read(1 << 24):
                    pass


def clear(folder):
    subprocess.run(["rm", "-rf", folder], check=True)
    os.sync()


def sync_files(folder):
    return run(["sync", *files(folder)])["wall"]


def copy(source, target):
    result = run(["cp", "-r", "--reflink=never", "--sparse=never", source, target])
    return result["wall"] + sync_files(target)


def build(args, source, target):
    result = run([args.lapidary, "build", source, "--recipe", args.recipe, "-o", target], quiet=True)
    return dict(wall=result["wall"] + sync_files(target), cpu=result["cpu"], peak_bytes=result["peak_bytes"],
                package_bytes=size(target))


def main():
    args = options()
    folder = checkpoint("build_checkpoint", args.flags)
    target = os.path.join(WORK, "build_target")
    builds, copies = [], []
    for round_number in range(args.rounds):
        clear(target)
        prepare(folder, args.cold)
        copies.append(copy(folder, target))
        clear(target)
        prepare(folder, args.cold)
        builds.append(build(args, folder, target))
        print(f"round {round_number + 1}: copy {copies[-1]:.2f} s, build {builds[-1]['wall']:.2f} s, peak "
              f"{builds[-1]['peak_bytes'] / 1e6:.0f} MB", file=sys.stderr)
    clear(target)
    median = lambda key: statistics.median(b[key] for b in builds)
    result = dict(machine=machine(), revision=revision(), flags=args.flags, recipe=args.recipe, rounds=args.rounds,
                  page_cache="cold" if args.cold else "warm", checkpoint_bytes=size(folder), copy_seconds=copies,
                  builds=builds, ratio=median("wall") / statistics.median(copies))
    print(f"\ncheckpoint {result['checkpoint_bytes'] / 1e9:.2f} GB, package {median('package_bytes') / 1e9:.2f} GB, page cache "
          f"{result['page_cache']}, median of {args.rounds}; both with fsync\n")
    print("| | build | copy | ratio |\n|---|---|---|---|")
    print(f"| wall seconds | {median('wall'):.2f} | {statistics.median(copies):.2f} | {result['ratio']:.2f} |")
    print(f"| CPU seconds | {median('cpu'):.2f} | | |\n| peak memory MB | {median('peak_bytes') / 1e6:.0f} | | |")
    save(args.out, result)


if __name__ == "__main__":
    main()
