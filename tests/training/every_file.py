"""Loads every file of the export in this folder into its trainer, with tiny random models, and trains two steps.

Runs with the packages of `requirements.txt` beside this file, in the folder of an export; prints what each set kept.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, ".")

import torch
import trl
from datasets import Dataset, load_dataset
from files import rows, strings, tiny_chat_model, tiny_encoder
from peft import LoraConfig
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss, TripletLoss
from sentence_transformers.sentence_transformer.trainer import SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
from transformers import AutoModelForCausalLM, AutoTokenizer

GENERATORS = {
    "sft": (trl.SFTTrainer, trl.SFTConfig),
    "raft": (trl.SFTTrainer, trl.SFTConfig),
    "dpo": (trl.DPOTrainer, trl.DPOConfig),
    "kto": (trl.KTOTrainer, trl.KTOConfig),
}
STEPS = {"max_steps": 2, "report_to": "none", "save_strategy": "no", "use_cpu": True, "per_device_train_batch_size": 2}


def loaded(path: Path) -> Dataset:
    """Load a file as people do."""
    return load_dataset("json", data_files=str(path), split="train", cache_dir="/".join((sys.argv[1], "cache")))


def files_of(kind: str) -> list[Path]:
    return sorted(Path(kind).glob("*.jsonl"))


def longest(tokenizer, data: Dataset) -> int:
    sides = [side for side in ("completion", "chosen", "rejected") if side in data.column_names]
    said = [row["prompt"] + row[side] for row in data for side in sides]
    return max(len(tokenizer(tokenizer.apply_chat_template(each, tokenize=False))["input_ids"]) for each in said)


def generator(kind: str, path: Path, model: str) -> int:
    """Train two steps with LoRA; return how many rows the trainer kept."""
    trainer_of, config_of = GENERATORS[kind]
    data, tokenizer = loaded(path), AutoTokenizer.from_pretrained(model)
    assert data.column_names == list(rows(kind, path.stem)[0])
    args = config_of(output_dir=f"{sys.argv[1]}/{kind}", max_length=2 * longest(tokenizer, data), **STEPS)
    lora = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = trainer_of(
        model=AutoModelForCausalLM.from_pretrained(model),
        args=args,
        train_dataset=data,
        processing_class=tokenizer,
        peft_config=lora,
    )
    before = {name: weight.clone() for name, weight in trainer.model.named_parameters() if weight.requires_grad}
    trainer.train()
    assert all("lora" in name for name in before)
    assert any(
        not torch.equal(weight, before[name]) for name, weight in trainer.model.named_parameters() if name in before
    )
    return len(trainer.train_dataset)


def embedder(path: Path, model: str) -> int:
    for loss_of in (MultipleNegativesRankingLoss, TripletLoss):
        encoder = SentenceTransformer(model)
        args = SentenceTransformerTrainingArguments(output_dir=f"{sys.argv[1]}/embed", **STEPS)
        trainer = SentenceTransformerTrainer(encoder, args=args, train_dataset=loaded(path), loss=loss_of(encoder))
        trainer.train()
    return len(trainer.train_dataset)


def reranker(path: Path, model: str) -> int:
    encoder = CrossEncoder(model, num_labels=1)
    args = CrossEncoderTrainingArguments(output_dir=f"{sys.argv[1]}/rerank", **STEPS)
    loss = BinaryCrossEntropyLoss(encoder)
    trainer = CrossEncoderTrainer(encoder, args=args, train_dataset=loaded(path), loss=loss)
    trainer.train()
    return len(trainer.train_dataset)


def main() -> None:
    work = Path(sys.argv[1])
    texts = [text for kind in ("sft", "rerank") for text in strings(rows(kind, "train"))]
    chat = tiny_chat_model(work / "chat", texts)
    plain, headed = tiny_encoder(work / "plain", texts), tiny_encoder(work / "headed", texts, labels=1)
    kept = {str(path): generator(kind, path, chat) for kind in GENERATORS for path in files_of(kind)}
    kept |= {str(path): embedder(path, plain) for path in files_of("embed")}
    kept |= {str(path): reranker(path, headed) for path in files_of("rerank")}
    sys.stdout.write(f"{json.dumps(kept)}\n")


if __name__ == "__main__":
    main()
