"""Writes tests/golden/text_model/*.json and *.f32: what transformers computes for the text model.

Float32 copies of the bf16 weights, eager attention. One JSON a checkpoint; its arrays lie in the .f32 beside it
(little-endian float32, one after another), a reference to one is {"offset": first float, "shape": [...]}.

    OMP_NUM_THREADS=1 python tests/oracle/make_text_goldens.py [NAME ...]       NAME: tiny, e4b_like, ...

Each case holds
    input_ids        with <bos>
    prefill          logits at `positions` when the whole prompt goes in at once
    greedy           tokens step by step with a cache; `margins`: lead of each over the second best (masked ones left
                     out); `min_tokens`: stop tokens are masked until then
    decode           logits of the step that reads token `after[i]` of the greedy tokens (0 = the first of them)
and `embedding` holds what enters the decoder for prompts with image, audio and video soft tokens.
"""
import argparse
import json
import os

import numpy as np
import torch
import transformers
from transformers import AutoTokenizer, Gemma4ForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutputWithPooling

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.path.join(ROOT, "tests", "golden", "text_model")
TINY = "models/tiny-gemma4/checkpoint"
CHECKPOINTS = "tests/golden/checkpoints"
RANDOM = ["e4b_like", "no_sharing", "no_ple", "odd_window", "sharded_untied", "stored_shared_kv", "resaved"]
MARGIN = 1e-3  # greedy tokens with a smaller lead may differ by rounding alone; such a prompt is not used


class Blob:
    """Arrays appended to one file."""

    def __init__(self):
        self.parts, self.size = [], 0

    def add(self, array):
        array = np.ascontiguousarray(array, "<f4")
        ref = dict(offset=self.size, shape=list(array.shape))
        self.parts.append(array.tobytes())
        self.size += array.size
        return ref

    def write(self, path):
        with open(path, "wb") as f:
            f.write(b"".join(self.parts))


class Model:
    def __init__(self, path):
        self.path = path
        folder = os.path.join(ROOT, path)
        self.hf, info = Gemma4ForConditionalGeneration.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
        bad = {k: v for k, v in info.items() if v and k != "unexpected_keys"}
        unexpected = [k for k in info["unexpected_keys"] if not k.endswith(("k_proj.weight", "v_proj.weight",
                                                                              "k_norm.weight"))]
        assert not bad and not unexpected, (bad, unexpected)
        self.hf.eval()
        self.config = self.hf.config
        # Without per-layer inputs transformers' slicing of the last position fails; this keeps it off.
        self.extra = {} if self.config.text_config.hidden_size_per_layer_input else {"output_hidden_states": True}
        generation = json.load(open(os.path.join(folder, "generation_config.json")))
        self.stop = generation["eos_token_id"]
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def logits(self, ids, cache=None, keep=0):
        out = self.hf(input_ids=torch.tensor([ids]), past_key_values=cache, use_cache=True, logits_to_keep=keep,
                      **self.extra)
        return out.logits[0], out.past_key_values

    def greedy(self, ids, count, min_tokens):
        """-> tokens, margins, the logits of every step (step k reads token k; they are not those of token k)."""
        rows, cache = self.logits(ids, keep=1)
        row, tokens, margins, steps = rows[-1], [], [], []
        while len(tokens) < count:
            masked = row.clone()
            if len(tokens) < min_tokens:
                masked[self.stop] = -torch.inf
            best = masked.topk(2)
            tokens.append(int(best.indices[0]))
            margins.append(float(best.values[0] - best.values[1]))
            if tokens[-1] in self.stop:
                break
            rows, cache = self.logits(tokens[-1:], cache)
            row = rows[-1]
            steps.append(row)
        return tokens, margins, steps


def case(model, blob, name, ids, positions, count, min_tokens=0, prompt=None, decode=()):
    with torch.no_grad():
        everything, _ = model.logits(ids)
        last, _ = model.logits(ids, keep=1)
        # The reference's own short cut for the last position and its full pass have to agree, or one is broken.
        assert (everything[-1] - last[-1]).abs().max() < 1e-4
        tokens, margins, steps = model.greedy(ids, count, min_tokens)
    after = [k for k in decode if k < len(steps)]
    positions = [p if p >= 0 else len(ids) + p for p in positions]
    result = dict(name=name, prompt=prompt, input_ids=[int(i) for i in ids],
                  prefill=dict(positions=positions, logits=blob.add(everything[positions].numpy())),
                  greedy=dict(max_tokens=count, min_tokens=min_tokens, tokens=tokens, text=model.tokenizer.decode(
                      tokens, skip_special_tokens=True), min_margin=round(min(margins), 6)),
                  decode=dict(after=after, logits=blob.add(torch.stack([steps[k] for k in after]).numpy())
                              if after else None))
    print(f"  {name}: {len(ids)} + {len(tokens)} tokens, min margin {min(margins):.5f}, "
          f"{len(set(tokens))} different: {result['greedy']['text'][:70]!r}")
    return result, min(margins)


def soft_token_cases(model, blob):
    """What the embedding graph gives for prompts with soft tokens; the features are random rows."""
    config, rng = model.config, np.random.default_rng(5)
    hidden = config.text_config.hidden_size
    text = lambda s: model.tokenizer(s, add_special_tokens=False)["input_ids"]
    image, audio, video = config.image_token_id, config.audio_token_id, config.video_token_id
    start = [2] + text("<|turn>user\n")
    end = text(" what is it?<turn|>\n<|turn>model\n")
    cases = [("text", start + end, 0, 0),
             ("image", start + [config.boi_token_id] + [image] * 9 + [config.eoi_token_id] + end, 9, 0),
             ("audio", start + [config.boa_token_id] + [audio] * 7 + [config.eoa_token_index] + end, 0, 7),
             ("both_apart", start + [image] * 3 + text("and") + [audio] * 4 + text("and") + [image] * 2 + end, 5, 4),
             # A placeholder without features stands for <pad>, in the token table as well.
             ("video_token", start + [video] * 3 + end, 0, 0),
             ("placeholders_without_features", start + [image, audio] * 2 + end, 0, 0)]
    seen = {}
    language_model = model.hf.model.language_model
    inner = language_model.forward

    def spy(*args, **kw):
        seen["inputs_embeds"] = kw["inputs_embeds"]
        seen["per_layer"] = language_model.project_per_layer_inputs(kw["inputs_embeds"], kw["per_layer_inputs"])
        return inner(*args, **kw)

    language_model.forward = spy
    result = []
    for name, ids, images, audios in cases:
        image_features = rng.standard_normal((images, hidden), np.float32)
        audio_features = rng.standard_normal((audios, hidden), np.float32)
        kw = {}
        if images:
            kw["mm_encoder_outputs"] = {"image": BaseModelOutputWithPooling(
                pooler_output=(torch.from_numpy(image_features),))}
        if audios:
            kw.update(input_features=torch.zeros(1, 1, 1), input_features_mask=torch.ones(1, 1, dtype=torch.bool))
            model.hf.model.get_audio_features = lambda *a, **k: transformers.utils.ModelOutput(
                pooler_output=torch.from_numpy(audio_features)[None], attention_mask=torch.ones(1, audios).bool())
        with torch.no_grad():
            logits = model.hf(input_ids=torch.tensor([ids]), **kw).logits[0]
        flat = seen["per_layer"][0].reshape(len(ids), -1)
        result.append(dict(name=name, input_ids=ids, image_features=blob.add(image_features),
                           audio_features=blob.add(audio_features),
                           inputs_embeds=blob.add(seen["inputs_embeds"][0].numpy()),
                           per_layer_inputs=blob.add(flat.numpy()), last_logits=blob.add(logits[-1].numpy())))
        print(f"  embedding {name}: {len(ids)} tokens")
    language_model.forward = inner
    return result


def tiny_cases(model, blob):
    encode = lambda s: model.tokenizer(s)["input_ids"]
    lines = open(os.path.join(ROOT, "models/tiny-gemma4/corpus/eval.txt"), encoding="utf-8").read().splitlines()
    short = encode("Mia has a red kite. Who has the kite?")
    cases = [case(model, blob, "short", short, range(len(short)), 64, 0, "Mia has a red kite. Who has the kite?",
                  decode=(0, 1, 2, 3))]
    for k, prompt in enumerate(["Rosa was a kind owl who", "There was once an old dog and his name was",
                                "Jack is in the park. Eva is in the", "One day a small cat", "One two three four five",
                                "The red ball is"]):
        cases.append(case(model, blob, f"raw{k}", encode(prompt), [-1], 64, 64, prompt,
                          decode=(0, 31, 62) if k < 3 else ()))
    everything = encode(" ".join(lines))
    for length in (100, 333, 700):
        for at in range(1, 4000, 97):  # the first place in the corpus whose continuation is not a matter of rounding
            ids = [2] + everything[at:at + length - 1]
            with torch.no_grad():
                _, margins, _ = model.greedy(ids, 32, 32)
            if min(margins) > 5 * MARGIN:
                break
        cases.append(case(model, blob, f"long{length}", ids, [0, 31, 32, 33, length // 2, -1], 32, 32,
                          decode=(0, 1, 30)))
    return cases


def random_cases(model, blob):
    """Random weights, random ids: 9 tokens, and 150 (several windows) with the last ones beyond the window. Where a
    placeholder of some medium is generated, it is read back as <pad>, though the model has no towers."""
    vocab, result = model.config.text_config.vocab_size, []
    for name, length, positions, count in (("short", 9, range(9), 24),
                                           ("long", 150, [0, 6, 7, 11, 12, 16, 40, 90, -1], 24)):
        for seed in range(50):
            rng = np.random.default_rng(100 * length + seed)
            ids = [2] + [int(i) for i in rng.integers(107, vocab, length - 1)]
            with torch.no_grad():
                _, margins, _ = model.greedy(ids, count, count)
            if min(margins) > 5 * MARGIN:
                break
        result.append(case(model, blob, name, ids, positions, count, count, decode=(0, 1, 2, 11, 22)))
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=["tiny", *RANDOM])
    torch.manual_seed(0)
    for name in parser.parse_args().names:
        path = TINY if name == "tiny" else f"{CHECKPOINTS}/{name}"
        print(name)
        model, blob = Model(path), Blob()
        cases = tiny_cases(model, blob) if name == "tiny" else random_cases(model, blob)
        assert all(margin > MARGIN for _, margin in cases), "a greedy token is a tie: change the prompt"
        golden = dict(checkpoint=path, made_by="tests/oracle/make_text_goldens.py",
                      versions=dict(transformers=transformers.__version__, torch=torch.__version__.split("+")[0]),
                      blob=f"{name}.f32", stop_tokens=model.stop, cases=[c for c, _ in cases])
        if name == "tiny":
            golden["embedding"] = soft_token_cases(model, blob)
        os.makedirs(OUT, exist_ok=True)
        blob.write(os.path.join(OUT, golden["blob"]))
        with open(os.path.join(OUT, f"{name}.json"), "w", encoding="utf-8") as f:
            json.dump(golden, f, ensure_ascii=False, separators=(",", ":"))
            f.write("\n")


if __name__ == "__main__":
    main()
