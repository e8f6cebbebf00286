"""What the two benchmarks share: child processes with their peak memory, checkpoints, the machine."""
import json
import os
import platform
import resource
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WORK = os.path.join(ROOT, "build", "bench")
LAPIDARY = os.path.join(ROOT, "build", "release", "lapidary")


def run(command, stdin=None, quiet=False):
    """-> dict(stdout, wall seconds, cpu seconds, peak resident bytes). Ends the benchmark when the command fails."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if quiet else None)
    if stdin is not None:
        child.stdin.write(stdin.encode())
        child.stdin.close()
    out = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"failed ({os.waitstatus_to_exitcode(status)}): {' '.join(map(str, command))}")
    return dict(stdout=out, wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak_bytes=usage.ru_maxrss * 1024)


def checkpoint(name, flags):
    """A random checkpoint below build/bench, written once for these flags."""
    folder = os.path.join(WORK, name)
    stamp = os.path.join(folder, "flags.txt")
    if not os.path.exists(stamp) or open(stamp).read() != flags:
        subprocess.run(["rm", "-rf", folder], check=True)
        print(f"writing {folder}", file=sys.stderr)
        subprocess.run([sys.executable, os.path.join(ROOT, "tools", "tiny-gemma4", "random_checkpoint.py"), folder,
                        *flags.split()], check=True, stdout=sys.stderr)
        with open(stamp, "w") as f:
            f.write(flags)
    return folder


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    flags = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return dict(cpu=cpu, cores=os.cpu_count(), memory_gb=round(memory / 1e9, 1), kernel=platform.release(),
                instructions=[f for f in ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8") if f" {f}" in flags],
                load_average=os.getloadavg()[0], date=time.strftime("%Y-%m-%d"))


def revision():
    git = lambda *args: subprocess.run(["git", "-C", ROOT, *args], capture_output=True, text=True).stdout.strip()
    return git("rev-parse", "--short", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")


def save(path, result):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    print(f"\nwritten to {path}", file=sys.stderr)


def own_peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
