"""Write a trained run in OpenAI's released layout: ``python export.py nano RUN_DIR TOKENIZER_DIR OUT_DIR``."""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import model
import mxfp4
import tokenizer as tokens
from train import PRESETS

UNQUANTISED = ("model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head")


def tensors(parameters):
    """Named tensors of ``model.safetensors``: experts packed, the rest in bfloat16."""
    table = {}
    for name, value in parameters.items():
        value = value.detach()
        if model.is_expert(name):
            table[name + "_blocks"], table[name + "_scales"] = mxfp4.pack(value)
        else:
            table[name] = value.bfloat16().contiguous()
    return table


def config_json(config, tokenizer):
    """The keys of Hugging Face's ``GptOssConfig``, as in the release."""
    stop, pad = (tokenizer.token_to_id(f"<|{name}|>") for name in ("return", "endoftext"))
    return {
        "architectures": ["GptOssForCausalLM"], "attention_bias": True, "attention_dropout": 0.0,
        "eos_token_id": stop, "experts_per_token": config.top, "head_dim": config.head_dim, "hidden_act": "silu",
        "hidden_size": config.hidden, "initial_context_length": config.yarn_original, "initializer_range": 0.02,
        "intermediate_size": config.inter,
        "layer_types": ["full_attention" if n % 2 else "sliding_attention" for n in range(config.layers)],
        "max_position_embeddings": int(config.yarn_original * config.yarn_factor), "model_type": "gpt_oss",
        "num_attention_heads": config.heads, "num_experts_per_tok": config.top, "num_hidden_layers": config.layers,
        "num_key_value_heads": config.kv_heads, "num_local_experts": config.experts, "output_router_logits": False,
        "pad_token_id": pad,
        "quantization_config": {"modules_to_not_convert": list(UNQUANTISED), "quant_method": "mxfp4"},
        "rms_norm_eps": config.eps,
        "rope_scaling": {
            "beta_fast": 32.0, "beta_slow": 1.0, "factor": config.yarn_factor,
            "original_max_position_embeddings": config.yarn_original, "rope_type": "yarn", "truncate": False,
        },
        "rope_theta": config.theta, "router_aux_loss_coef": 0.9, "sliding_window": config.window,
        "swiglu_limit": config.limit, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_cache": True,
        "vocab_size": config.vocab,
    }


def generation_json(tokenizer):
    """Greedy by default; stops on return, endoftext and call."""
    ids = {name: tokenizer.token_to_id(f"<|{name}|>") for name in ("startoftext", "return", "endoftext", "call")}
    return {
        "bos_token_id": ids["startoftext"], "do_sample": False,
        "eos_token_id": [ids["return"], ids["endoftext"], ids["call"]], "pad_token_id": ids["endoftext"],
    }


def write(config, parameters, tokenizer_folder, out):
    """All files of a model folder except its card."""
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = tokens.load(tokenizer_folder)
    save_file(tensors(parameters), str(out / "model.safetensors"), metadata={"format": "pt"})
    for name, value in (("config", config_json(config, tokenizer)), ("generation_config", generation_json(tokenizer))):
        (out / f"{name}.json").write_text(json.dumps(value, indent=2) + "\n")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(Path(tokenizer_folder) / name, out / name)


def read(config, folder):
    """Float32 weights of an exported model, experts unpacked, by the trainer's names."""
    table = load_file(str(Path(folder) / "model.safetensors"))
    weights = {}
    for name in model.shapes(config):
        if model.is_expert(name):
            weights[name] = mxfp4.unpack(table[name + "_blocks"], table[name + "_scales"])
        else:
            weights[name] = table[name].float()
    return weights


def main():
    """Command line."""
    preset, run, tokenizer_folder, out = sys.argv[1:]
    parameters = torch.load(Path(run) / "checkpoint.pt")["parameters"]
    write(PRESETS[preset], parameters, tokenizer_folder, Path(out))
    print(f"{out}: {(Path(out) / 'model.safetensors').stat().st_size} bytes")


if __name__ == "__main__":
    main()
