"""Writes what transformers makes of Gemma 3 text models, for tests/golden_logits_test.cc and golden_gemma3_test.cc.

    pip install -r tools/gemma3/requirements.txt
    OMP_NUM_THREADS=1 python tools/gemma3/make.py small
    scripts/fetch-gemma3 && OMP_NUM_THREADS=2 python tools/gemma3/make.py trained

`small`    tests/golden/checkpoints/gemma3 (random weights, the same bytes each time) and text_model/gemma3.{json,f32}, in the
           form of tests/oracle/make_text_goldens.py. Everything that Gemma 3 does otherwise than Gemma 4 is in it: no norm of
           values, norms that multiply by 1 + w, a scale that is not that of the head, an angle's scaling in full attention
           alone, a window that prompts outgrow.
`trained`  tests/golden/gemma3/270m.json, of the GGUF file that scripts/fetch-gemma3 fetches, read by transformers itself
           (`gguf_file=`; it takes 1 from the norms' weights, as its own checkpoints have them) and run in float32 with eager
           attention: greedy tokens of 20 prompts, each with its lead over the second best; perplexity of texts; ids of the
           published tokenizer.json.
"""
import argparse
import importlib.util
import json
import math
import os
import shutil

import numpy as np
import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOLDEN = os.path.join(ROOT, "tests", "golden")
SMALL = "tests/golden/checkpoints/gemma3"
TRAINED = os.path.join(ROOT, ".deps", "gemma3")
GGUF = "gemma-3-270m-q4_k_m.gguf"
NEW_TOKENS = 64

_spec = importlib.util.spec_from_file_location("make_text_goldens",
                                               os.path.join(ROOT, "tests", "oracle", "make_text_goldens.py"))
text_goldens = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(text_goldens)

SMALL_CONFIG = dict(vocab_size=1024, hidden_size=32, intermediate_size=64, num_hidden_layers=7, num_attention_heads=4,
                    num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=24, sliding_window=12,
                    layer_types=(["sliding_attention"] * 2 + ["full_attention"]) * 2 + ["sliding_attention"],
                    max_position_embeddings=1024, rms_norm_eps=1e-6, final_logit_softcapping=None,
                    rope_parameters={"full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 1e6},
                                     "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}},
                    tie_word_embeddings=True, eos_token_id=[1, 106], bos_token_id=2, pad_token_id=0)

# Prose, verse, questions, code, tables, numbers and other scripts; the last one is longer than the window of 512 tokens.
PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a village by the sea, there lived",
    "The three laws of motion say that",
    "Water boils at 100 degrees Celsius because",
    "def fibonacci(n):\n    ",
    "#include <vector>\n#include <string>\n\nint main() {\n",
    "SELECT name, COUNT(*) FROM orders",
    "| country | capital |\n|---|---|\n| Italy | Rome |\n| Spain |",
    "1, 1, 2, 3, 5, 8, 13,",
    "Die Hauptstadt von Deutschland ist",
    "La recette des crêpes demande de la farine,",
    "日本の首都は",
    "Столица России —",
    "عاصمة مصر هي",
    "भारत की राजधानी",
    "Dear Sir or Madam,\n\nI am writing to ask",
    "Q: What is the largest planet of the solar system?\nA:",
    "<start_of_turn>user\nName three colours.<end_of_turn>\n<start_of_turn>model\n",
    "The history of printing begins long before",
    None,
]

# What splits words, merges and falls back to bytes; text that looks like added tokens; and what is normalized.
CORPUS = [
    "", " ", "  ", "\n", "\t", " \n \t ", "a", " a", "a ", "Hello, world!", "hello  world   of    spaces",
    "line one\nline two\r\nline three\n\n\nend", "\ttabbed\t\ttwice", "don't can't won't I'll they've",
    "naïve café Ærøskøbing Straße", "e\u0301 is not \u00e9", "ﬁ ligature ½ ⅷ ①", "1234567890 3.14159 1,000,000 0xDEADBEEF 1e-9",
    "2026-11-30T12:34:56Z", "https://example.org/a?b=c&d=%20#e", "user.name+tag@example.com",
    "def f(x: int) -> str:\n    return f'{x:>08d}'\n", "for (int i = 0; i < n; ++i) { a[i] *= 2; }", "<b>bold</b> &amp; <i/>",
    "{\"key\": [1, 2.5, null, true]}", "$E = mc^2$ \\frac{1}{2}", "日本語のテキストと中文文本", "한국어 텍스트", "ภาษาไทย", "हिन्दी में पाठ",
    "العربية من اليمين", "עברית", "Ελληνικά", "Русский текст", "Tiếng Việt", "🙂🙃👩‍👩‍👧‍👦🏳️‍🌈", "👍🏽 ok 👌🏿", "a\u200bb\u200dc\ufeffd",
    "\u0000\u0001\u001f", "\u007f\u0080\u009f", "\ue000\U000f0000", "\u2028\u2029", "▁ is the mark", "a▁b", "▁▁▁", "<bos>", "<eos> and <pad>",
    "<start_of_turn>user\nhi<end_of_turn>\n", "<unused0><unused98>", "<start_of_image>", "<0x41><0xFF>", "<2mass>[@BOS@]",
    "[multimodal]", "x" * 100, "ab" * 60, " " * 40, "\n" * 12, "=" * 33 + "\n", "....!!!???", "«guillemets» „quotes“ ‘single’ — dash – en",
    "CamelCaseIdentifier snake_case_identifier SCREAMING_CASE kebab-case", "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "The quick brown fox jumps over the lazy dog.", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙𝟚", "\U0001f9ff\U0010ffff", "mixed 日本 and العربية and русский 123",
]


def write_small_checkpoint():
    """Random weights of numpy's SFC64, rounded to bfloat16; the tiny Gemma 4's tokenizer."""
    folder = os.path.join(ROOT, SMALL)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(os.path.join(ROOT, text_goldens.TINY, name), os.path.join(folder, name))
    config = Gemma3TextConfig(**SMALL_CONFIG)
    rng = np.random.Generator(np.random.SFC64(19))
    tensors = {}
    for name, weight in Gemma3ForCausalLM(config).state_dict().items():
        if name == "lm_head.weight":
            continue
        shape = tuple(weight.shape)
        # 1 + w of a norm is between 0.4 and 1.6; other weights keep the sizes of what they are multiplied with.
        values = rng.uniform(-0.6, 0.6, shape) if len(shape) == 1 else rng.standard_normal(shape) / math.sqrt(shape[1])
        tensors[name] = torch.from_numpy(np.asarray(values, np.float32)).to(torch.bfloat16)
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    text = config.to_dict() | dict(architectures=["Gemma3ForCausalLM"], dtype="bfloat16")
    text = {k: v for k, v in sorted(text.items()) if not k.startswith("_") and k != "transformers_version" and v is not None}
    for name, content in (("config.json", text), ("generation_config.json", dict(eos_token_id=[1, 106]))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            json.dump(content, f, indent=1)
            f.write("\n")


class SmallModel(text_goldens.Model):
    def __init__(self):  # the base class opens Gemma 4
        folder = os.path.join(ROOT, SMALL)
        self.hf = Gemma3ForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        self.config, self.extra, self.stop = self.hf.config, {}, [1, 106]
        self.config.text_config = self.config
        self.tokenizer = type("Ids", (), {"decode": staticmethod(lambda ids, **_: " ".join(map(str, ids)))})


def small():
    write_small_checkpoint()
    blob, model = text_goldens.Blob(), SmallModel()
    cases = text_goldens.random_cases(model, blob)
    assert all(margin > text_goldens.MARGIN for _, margin in cases), "a greedy token is a tie: change the seed"
    golden = dict(checkpoint=SMALL, made_by="tools/gemma3/make.py", versions=versions(), blob="gemma3.f32",
                  stop_tokens=model.stop, cases=[c for c, _ in cases])
    blob.write(os.path.join(GOLDEN, "text_model", "gemma3.f32"))
    write_json(os.path.join(GOLDEN, "text_model", "gemma3.json"), golden)


def versions():
    return dict(transformers=transformers.__version__, torch=torch.__version__.split("+")[0])


def write_json(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(content, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")


@torch.no_grad()
def greedy(model, ids):
    """-> tokens, lead of each over the second best. Nothing ends it: what comes after <eos> is a test as good."""
    out = model(input_ids=torch.tensor([ids]), use_cache=True, logits_to_keep=1)
    tokens, leads = [], []
    while True:
        best = out.logits[0, -1].topk(2)
        tokens.append(int(best.indices[0]))
        leads.append(float(best.values[0] - best.values[1]))
        if len(tokens) == NEW_TOKENS:
            return tokens, leads
        out = model(input_ids=torch.tensor([tokens[-1:]]), past_key_values=out.past_key_values, use_cache=True)


@torch.no_grad()
def mean_loss(model, ids):
    logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].double()
    picked = logits.gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    return float((torch.logsumexp(logits, 1) - picked).mean())


def trained():
    model = AutoModelForCausalLM.from_pretrained(TRAINED, gguf_file=GGUF, dtype=torch.float32,
                                                 attn_implementation="eager").eval()
    tokenizer = Tokenizer.from_file(os.path.join(TRAINED, "tokenizer.json"))
    licence = open(os.path.join(ROOT, "LICENSE"), encoding="utf-8").read()
    prose = open(os.path.join(GOLDEN, "gemma3", "prose.txt"), encoding="utf-8").read()
    encode = lambda text: tokenizer.encode(text).ids
    prompts = []
    for i, text in enumerate(PROMPTS):
        text = prose if text is None else text
        ids = encode(text)
        tokens, leads = greedy(model, ids)
        prompts.append(dict(text=text, ids=ids, tokens=tokens, smallest_lead=round(min(leads), 6),
                            leads=[round(lead, 4) for lead in leads]))
        print(f"{i}: {len(ids)} tokens, smallest lead {min(leads):.5f}: {tokenizer.decode(tokens)[:60]!r}")
    texts = []
    for name, text in (("tests/golden/gemma3/prose.txt", prose), ("LICENSE", licence)):
        ids = encode(text)
        loss = mean_loss(model, ids)
        texts.append(dict(file=name, tokens=len(ids), perplexity=math.exp(loss)))
        print(f"{name}: {len(ids)} tokens, perplexity {math.exp(loss):.6f}")
    corpus = [dict(text=text, ids=encode(text)) for text in CORPUS]
    write_json(os.path.join(GOLDEN, "gemma3", "270m.json"),
               dict(made_by="tools/gemma3/make.py", versions=versions(), model=GGUF, prompts=prompts, texts=texts,
                    tokenizer=corpus))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("which", choices=["small", "trained"])
    {"small": small, "trained": trained}[parser.parse_args().which]()


if __name__ == "__main__":
    main()
