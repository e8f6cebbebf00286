"""Writes what transformers makes of Gemma 3 270M in a chat and of a few lines of text, for tests/e2e/gemma3_test.cc.

    pip install -r tools/gemma3/requirements.txt jinja2==3.1.6
    scripts/fetch-gemma3 && OMP_NUM_THREADS=1 python tools/gemma3/make_e2e.py

Writes tests/golden/gemma3/e2e.json. The model is the GGUF file that scripts/fetch-gemma3 fetches, read by transformers
(`gguf_file=`) and run in float32 with eager attention; tokenizer and chat template are the published ones beside it.

Of the values that transformers takes from the file, or fills in where the file has none, those that the forward pass hangs on are
asserted: the norms' weights less 1, a full layer after five sliding ones, both bases of the angles, no scaling of them, and
head_dim as the attention's scale. None has to be corrected with the versions in requirements.txt.

`chat`  two turns: ids of the prompt, greedy ids of the reply with the token that ends it, or 48 of them; the smallest lead of a
        best logit over the second.
`eval`  the first lines of a committed text, each alone behind <bos>, as `lapidary eval` takes them: tokens and perplexity.
"""
import json
import math
import os

import gguf
import torch
import transformers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TRAINED = os.path.join(ROOT, ".deps", "gemma3")
GGUF = "gemma-3-270m-q4_k_m.gguf"
OUT = os.path.join(ROOT, "tests", "golden", "gemma3", "e2e.json")
TEXT, LINES = "models/tiny-gemma4/corpus/eval.txt", 24
TURNS = ["Name three colours of the rainbow.", "Which of them is the colour of the sky?"]
NEW_TOKENS = 48
ENDS = [1, 106]  # <eos>, <end_of_turn>


def check_reading(model):
    config = model.config
    assert config.layer_types == (["sliding_attention"] * 5 + ["full_attention"]) * 3
    assert config.rope_parameters == {"sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
                                      "full_attention": {"rope_type": "default", "rope_theta": 1e6}}
    assert (config.query_pre_attn_scalar, config.head_dim, config.sliding_window) == (256, 256, 512)
    assert config.tie_word_embeddings and config.final_logit_softcapping is None
    stored = {t.name: t for t in gguf.GGUFReader(os.path.join(TRAINED, GGUF)).tensors}
    assert "output.weight" not in stored
    parts = {"attn_norm": "input_layernorm", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
             "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
             "post_ffw_norm": "post_feedforward_layernorm"}
    names = {"output_norm.weight": "model.norm.weight"}
    for layer in range(config.num_hidden_layers):
        names |= {f"blk.{layer}.{a}.weight": f"model.layers.{layer}.{b}.weight" for a, b in parts.items()}
    weights = model.state_dict()
    for theirs, ours in names.items():
        values = torch.tensor(gguf.dequantize(stored[theirs].data, stored[theirs].tensor_type)).flatten()
        assert torch.equal(weights[ours], values - 1), theirs


@torch.no_grad()
def reply(model, ids):
    out = model(input_ids=torch.tensor([ids]), use_cache=True, logits_to_keep=1)
    tokens, lead = [], math.inf
    while True:
        best = out.logits[0, -1].topk(2)
        tokens.append(int(best.indices[0]))
        lead = min(lead, float(best.values[0] - best.values[1]))
        if tokens[-1] in ENDS or len(tokens) == NEW_TOKENS:
            return tokens, lead
        out = model(input_ids=torch.tensor([tokens[-1:]]), past_key_values=out.past_key_values, use_cache=True)


@torch.no_grad()
def losses(model, ids):
    logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].double()
    return torch.logsumexp(logits, 1) - logits.gather(1, torch.tensor(ids[1:])[:, None])[:, 0]


def chat(model, tokenizer):
    messages, turns = [], []
    for text in TURNS:
        messages.append(dict(role="user", content=text))
        prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        tokens, lead = reply(model, ids)
        said = tokenizer.decode(tokens, skip_special_tokens=True)
        print(f"{len(ids)} tokens, smallest lead {lead:.5f}: {said!r}")
        turns.append(dict(text=text, prompt=ids, tokens=tokens, reply=said, smallest_lead=round(lead, 6)))
        messages.append(dict(role="assistant", content=said))
    return turns


def evaluation(model, tokenizer):
    with open(os.path.join(ROOT, TEXT), encoding="utf-8") as f:
        lines = [line.rstrip("\n") for line in f][:LINES]
    assert all(lines)
    found = torch.cat([losses(model, tokenizer(line)["input_ids"]) for line in lines])
    print(f"{len(found)} tokens, perplexity {math.exp(found.mean()):.6f}")
    return dict(file=TEXT, lines=LINES, tokens=len(found), perplexity=math.exp(found.mean()))


def main():
    model = AutoModelForCausalLM.from_pretrained(TRAINED, gguf_file=GGUF, dtype=torch.float32, attn_implementation="eager").eval()
    check_reading(model)
    with open(os.path.join(TRAINED, "tokenizer_config.json"), encoding="utf-8") as f:
        published = json.load(f)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=os.path.join(TRAINED, "tokenizer.json"), bos_token=published["bos_token"],
                                        chat_template=published["chat_template"])
    golden = dict(made_by="tools/gemma3/make_e2e.py",
                  versions=dict(transformers=transformers.__version__, torch=torch.__version__.split("+")[0]), model=GGUF,
                  chat=chat(model, tokenizer), eval=evaluation(model, tokenizer))
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, "w", encoding="utf-8") as f:
        json.dump(golden, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
