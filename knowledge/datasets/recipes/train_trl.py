"""Fine-tunes an open chat model on this folder with TRL: SFT, RAFT, DPO or KTO, as LoRA, QLoRA or whole.

    python train_trl.py sft --model Qwen/Qwen3-4B-Instruct-2507
    python train_trl.py kto --model trained/sft/merged
    python train_trl.py sft --smoke        two steps with a tiny random model: no download, no graphics card
    python train_trl.py sft --lengths      only count tokens

TRL keeps 1,024 tokens of a row unless it is told otherwise, and drops or cuts the rest without a word; prompts with
passages are longer. So `max_length` is set from the longest row here, and a run in which a row is missing stops.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from files import HERE, Json, require_all, rows, strings, tiny_chat_model, training_rows

KINDS = ("sft", "raft", "dpo", "kto")
RATES = {"sft": 1e-4, "raft": 1e-4, "dpo": 5e-6, "kto": 5e-6}
SPARE = 1.2
"""How much longer than the longest row `max_length` is, for what a template may add."""


def main() -> None:
    """Train, keep the result, and say how it does on what was held out."""
    wishes = _wishes()
    data = training_rows(wishes.kind)
    model = wishes.model or _tiny(data)
    longest = _longest(model, data + rows(wishes.kind, "validation"))
    max_length = wishes.max_length or -(-int(longest * SPARE) // 64) * 64
    print(f"{len(data)} rows, the longest of {longest} tokens; max_length {max_length}")
    if max_length < longest:
        sys.exit(f"--max-length {max_length} would cut rows: the longest has {longest} tokens.")
    if wishes.lengths:
        return
    trainer = _trainer(wishes, model, data, max_length)
    require_all(len(trainer.train_dataset), len(data))
    trainer.train()
    trainer.save_model(wishes.out)
    if wishes.merge:
        trainer.model.merge_and_unload().save_pretrained(f"{wishes.out}/merged")
        trainer.processing_class.save_pretrained(f"{wishes.out}/merged")
    if trainer.eval_dataset is not None:
        print(json.dumps(trainer.evaluate(), indent=2))
    print(f"Kept in {wishes.out}.")


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--model", help="a name on the Hugging Face Hub or a folder")
    parser.add_argument("--out", help="where the result is kept; trained/<kind> by default")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--rate", type=float, help="learning rate")
    parser.add_argument("--rank", type=int, default=16, help="of LoRA")
    parser.add_argument("--batch", type=int, default=2, help="rows at once; KTO needs two at least")
    parser.add_argument("--accumulate", type=int, default=8, help="batches per step")
    parser.add_argument("--beta", type=float, default=0.1, help="of DPO and KTO: how close to the model it began with")
    parser.add_argument("--max-length", type=int, help="tokens; from the longest row by default")
    parser.add_argument("--merge", action="store_true", help="also keep a whole model, as servers want it")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--qlora", action="store_true", help="LoRA on a model of 4 bits: needs bitsandbytes")
    how.add_argument("--full", action="store_true", help="train every weight instead of LoRA")
    parser.add_argument(
        "--smoke", action="store_true", help="two steps, on a tiny random model unless --model is given"
    )
    parser.add_argument("--lengths", action="store_true", help="only count tokens")
    wishes = parser.parse_args()
    wishes.out = wishes.out or f"trained/{wishes.kind}"
    if not (wishes.model or wishes.smoke):
        parser.error("--model is needed, or --smoke")
    if wishes.full and wishes.merge:
        parser.error("--merge goes with LoRA: with --full the model is whole already")
    return wishes


def _tiny(data: list[Json]) -> str:
    return tiny_chat_model(Path(tempfile.mkdtemp(prefix="tiny-")), [text for row in data for text in strings(row)])


def _longest(model: str, data: list[Json]) -> int:
    """Count the tokens of the longest conversation, both sides of a pair."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    said = [row["prompt"] + row[side] for row in data for side in ("completion", "chosen", "rejected") if side in row]
    texts = [tokenizer.apply_chat_template(messages, tokenize=False) for messages in said]
    return max(len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts)


def _trainer(wishes: argparse.Namespace, model: str, data: list[Json], max_length: int) -> Any:
    import trl
    from datasets import Dataset
    from transformers import AutoTokenizer

    configs = {"sft": trl.SFTConfig, "raft": trl.SFTConfig, "dpo": trl.DPOConfig, "kto": trl.KTOConfig}
    trainers = {"sft": trl.SFTTrainer, "raft": trl.SFTTrainer, "dpo": trl.DPOTrainer, "kto": trl.KTOTrainer}
    held_out = rows(wishes.kind, "validation")
    return trainers[wishes.kind](
        model=_loaded(wishes, model),
        args=configs[wishes.kind](**_arguments(wishes, max_length, validated=bool(held_out))),
        train_dataset=Dataset.from_list(data),
        eval_dataset=Dataset.from_list(held_out) if held_out else None,
        processing_class=AutoTokenizer.from_pretrained(model),
        peft_config=None if wishes.full else _lora(wishes),
    )


def _arguments(wishes: argparse.Namespace, max_length: int, *, validated: bool) -> Json:
    import torch

    graphics = torch.cuda.is_available()
    given: Json = {
        "output_dir": wishes.out,
        "max_length": max_length,
        "num_train_epochs": wishes.epochs,
        "max_steps": 2 if wishes.smoke else -1,
        "per_device_train_batch_size": wishes.batch,
        "per_device_eval_batch_size": wishes.batch,
        "gradient_accumulation_steps": 1 if wishes.smoke else wishes.accumulate,
        "learning_rate": wishes.rate or RATES[wishes.kind],
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.05,
        "bf16": graphics and torch.cuda.is_bf16_supported(),
        "logging_steps": 1 if wishes.smoke else 10,
        "save_strategy": "no" if wishes.smoke else "epoch",
        "eval_strategy": "epoch" if validated and not wishes.smoke else "no",
        "report_to": "none",
        "seed": 42,
    }
    if wishes.kind in {"dpo", "kto"}:
        given["beta"] = wishes.beta
    return given | (_thumbs(wishes) if wishes.kind == "kto" else {})


def _thumbs(wishes: argparse.Namespace) -> Json:
    """Weigh thumbs up and down so that neither side outweighs the other."""
    weights = json.loads((HERE / "manifest.json").read_text("utf-8"))["kinds"]["kto"]["kto"]
    if not (weights["up"] and weights["down"]) and not wishes.smoke:
        sys.exit("KTO needs thumbs of both kinds: with one alone it learns a constant.")
    if wishes.batch < 2:
        sys.exit("KTO needs --batch 2 at least.")
    return {name: weights[name] for name in ("desirable_weight", "undesirable_weight")}


def _loaded(wishes: argparse.Namespace, model: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    given: Json = {"dtype": torch.bfloat16 if torch.cuda.is_available() else torch.float32}
    if wishes.qlora:
        from transformers import BitsAndBytesConfig

        given["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    return AutoModelForCausalLM.from_pretrained(model, **given)


def _lora(wishes: argparse.Namespace) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=wishes.rank,
        lora_alpha=wishes.rank,
        lora_dropout=0.05,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


if __name__ == "__main__":
    main()
