"""Writes tests/golden/text_model/bidirectional.{json,f32}: image tokens that attend to each other both ways.

The checkpoint tests/golden/checkpoints/bidirectional (use_bidirectional_attention "vision", window 8), float32, eager
attention. Image features are random rows in place of the vision tower's. Cases as in make_text_goldens.py, and each
holds
    token_types      mm_token_type_ids: 1 at image tokens
    image_features   one row an image token
    causal           logits of the last position without mm_token_type_ids: what a graph without blocks computes

    OMP_NUM_THREADS=1 python tests/oracle/make_bidirectional_goldens.py
"""
import json
import os

import numpy as np
import torch
import transformers
from transformers.modeling_outputs import BaseModelOutputWithPooling

from make_text_goldens import CHECKPOINTS, MARGIN, OUT, Blob, Model

NAME = "bidirectional"
# T: a text token, I: an image token; all of the positions whose logits are kept are named.
CASES = {
    "text_only": ("T" * 21, [0, 7, 8, 20]),
    "shorter_than_window": ("T" * 4 + "I" * 5 + "T" * 6, [3, 4, 6, 8, 9, 14]),
    "longer_than_window": ("T" * 3 + "I" * 19 + "T" * 5, [2, 3, 4, 10, 11, 20, 21, 22, 26]),
    "two_images": ("T" * 2 + "I" * 11 + "T" * 2 + "I" * 4 + "T" * 9, [2, 12, 13, 14, 15, 18, 19, 27]),
    "at_the_end": ("T" * 6 + "I" * 12, [5, 6, 9, 16, 17]),
    "from_the_start": ("I" * 10 + "T" * 4, [0, 1, 9, 10, 13]),
    # Past the rows that a sliding cache has room for, so the runtime moves its window twice.
    "long": ("T" * 20 + "I" * 30 + "T" * 75 + "I" * 6 + "T" + "I" * 25 + "T" * 120 + "I" * 9 + "T" * 4,
             [19, 20, 35, 49, 124, 125, 131, 132, 156, 157, 277, 285, 289]),
}


class ImageModel(Model):
    def prompt(self, ids, types, features, bidirectional=True, keep=0):
        """-> logits [kept, vocab], cache"""
        kw = {}
        if len(features):
            kw["mm_encoder_outputs"] = {"image": BaseModelOutputWithPooling(pooler_output=(torch.from_numpy(features),))}
        if bidirectional:
            kw["mm_token_type_ids"] = torch.tensor([types])
        out = self.hf(input_ids=torch.tensor([ids]), use_cache=True, logits_to_keep=keep, **kw)
        return out.logits[0], out.past_key_values

    def continued(self, ids, types, features, count):
        """-> greedy tokens, their margins, logits of the steps that read them"""
        rows, cache = self.prompt(ids, types, features, keep=1)
        tokens, margins, steps = [], [], []
        while len(tokens) < count:
            masked = rows[-1].clone()
            masked[self.stop] = -torch.inf
            best = masked.topk(2)
            tokens.append(int(best.indices[0]))
            margins.append(float(best.values[0] - best.values[1]))
            rows, cache = self.logits(tokens[-1:], cache)
            steps.append(rows[-1])
        return tokens, margins, steps


def make_case(model, blob, name, layout, positions, count=24):
    text = model.config.text_config
    for seed in range(50):  # until no greedy token is a matter of rounding
        rng = np.random.default_rng([seed, len(layout)])
        ids = [2 if k == 0 else int(i) for k, i in enumerate(rng.integers(107, text.vocab_size, len(layout)))]
        ids = [model.config.image_token_id if kind == "I" else i for kind, i in zip(layout, ids)]
        types = [int(kind == "I") for kind in layout]
        features = rng.standard_normal((sum(types), text.hidden_size), np.float32)
        tokens, margins, steps = model.continued(ids, types, features, count)
        if min(margins) > 5 * MARGIN:
            break
    assert margins and all(margin > MARGIN for margin in margins), "a greedy token is a tie: change the prompt"
    everything, _ = model.prompt(ids, types, features)
    last, _ = model.prompt(ids, types, features, keep=1)
    assert (everything[-1] - last[-1]).abs().max() < 1e-4, "the reference disagrees with itself"
    causal, _ = model.prompt(ids, types, features, bidirectional=False)
    difference = (everything - causal).abs().amax(-1)[positions]
    print(f"{name}: {len(ids)} tokens, min margin {min(margins):.4f}; causal differs by",
          [round(float(d), 3) for d in difference])
    after = [0, 22]
    return dict(name=name, input_ids=ids, token_types=types, image_features=blob.add(features),
                prefill=dict(positions=positions, logits=blob.add(everything[positions].numpy())),
                causal=blob.add(causal[-1:].numpy()),
                greedy=dict(max_tokens=count, min_tokens=count, tokens=tokens),
                decode=dict(after=after, logits=blob.add(torch.stack([steps[k] for k in after]).numpy())))


def main():
    torch.set_num_threads(1)
    path = f"{CHECKPOINTS}/{NAME}"
    model, blob = ImageModel(path), Blob()
    with torch.no_grad():
        cases = [make_case(model, blob, name, *case) for name, case in CASES.items()]
    golden = dict(checkpoint=path, made_by="tests/oracle/make_bidirectional_goldens.py",
                  versions=dict(transformers=transformers.__version__, torch=torch.__version__.split("+")[0]),
                  blob=f"{NAME}.f32", stop_tokens=model.stop, cases=cases)
    blob.write(os.path.join(OUT, golden["blob"]))
    with open(os.path.join(OUT, f"{NAME}.json"), "w", encoding="utf-8") as f:
        json.dump(golden, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
