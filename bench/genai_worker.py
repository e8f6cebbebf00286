"""One generation by onnxruntime-genai in a process of its own; prints one JSON line.

    python genai_worker.py PACKAGE IDS.json NEW_TOKENS THREADS
"""
import json
import sys
import time

import numpy as np
import onnxruntime_genai as og

from common import own_peak

package, ids_path, count, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
ids = np.array(json.load(open(ids_path)), np.int32)
before = own_peak()
clock = time.monotonic
start = clock()
config = og.Config(package)
config.overlay(json.dumps({"model": {"decoder": {"session_options": {"intra_op_num_threads": threads}}}}))
model = og.Model(config)
params = og.GeneratorParams(model)
# As many positions as needed: its caches are allocated for max_length. Stop tokens are masked up to min_length.
params.set_search_options(do_sample=False, max_length=len(ids) + count, min_length=len(ids) + count)
generator = og.Generator(model, params)
loaded = clock()
generator.append_tokens(ids)
generator.generate_next_token()  # the prompt's pass; the first token is there
first = clock()
for _ in range(count - 1):
    generator.generate_next_token()
done = clock()
print(json.dumps(dict(load_seconds=loaded - start, prompt_seconds=first - loaded, decode_seconds=done - first,
                      decode_steps=count - 1, peak_memory_bytes=own_peak(), interpreter_bytes=before,
                      tokens=[int(t) for t in generator.get_sequence(0)[len(ids):]])))
