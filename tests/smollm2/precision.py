"""What rounding costs: SmolLM2's distributions in throng's fast mode and in llama.cpp, against f32.

    tests/smollm2/run precision FOLDER

FOLDER has llama-perplexity and llama-quantize. All modes read the same tokens of `text.txt` and give
the probabilities of 49,152 next tokens at each position that counts (see `divergence.py`); the table
compares them with those that throng computes in f32 throughout. llama.cpp runs as it is measured
for speed (flash attention, keys and values in f16), and from the same weights written out as f32,
which says how far two exact engines are apart. It saves 16 bits a probability, and what is 16 nats or
more below the best as 16 below; so all distributions are taken that way, throng's too.
"""

import argparse
import shlex
import tempfile

from divergence import as_llama_keeps, divergence, llama_in_f32, llama_logits, throng_logits


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--throng", required=True, help="the throng binary")
    parser.add_argument("--llama", required=True, help="folder of llama.cpp's binaries")
    parser.add_argument("--model", required=True, help="the GGUF file")
    parser.add_argument("--throng-args", default="", help="more for throng: '--isa avx2'")
    return parser.parse_args()


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        tokens, stored = llama_logits(options.llama, options.model, ["-fa", "on"], folder)
        same_tokens, plain = llama_in_f32(options.llama, options.model, folder)
        if tokens != same_tokens:
            raise SystemExit("the text became other tokens from the file in f32")
        more = shlex.split(options.throng_args)
        exact, fast = (
            as_llama_keeps(throng_logits(options.throng, options.model, exact, tokens, folder, more))
            for exact in ("true", "false"))
    print(f"{len(exact)} positions, against throng in f32\n")
    print("| | mean KL | 99 % below | most | same best token |\n|---|---:|---:|---:|---:|")
    for name, logits in (
        ("throng, fast", fast),
        ("llama.cpp, weights as stored", stored),
        ("llama.cpp, f32 throughout", plain),
    ):
        found = divergence(exact, logits)
        print(f"| {name} | {found.mean:.2e} | {found.p99:.2e} | {found.most:.2e} "
              f"| {100 * found.same_best:.2f} % |")
    ratio = divergence(exact, fast).mean / divergence(plain, stored).mean
    print(f"\nEach engine against its own f32: throng has {ratio:.3f} of llama.cpp's divergence.")


if __name__ == "__main__":
    main()
