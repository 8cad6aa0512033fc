"""Fine-tunes an embedder on the triplets of this folder with sentence-transformers.

    python train_embedder.py --model BAAI/bge-small-en-v1.5
    python train_embedder.py --smoke       two steps with a tiny random model: no download, no graphics card

The order of the columns carries the meaning: question, passage that answers, passage that does not.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from files import Json, require_all, rows, strings, tiny_encoder, training_rows

COLUMNS = ("query", "positive", "negative")


def main() -> None:
    """Train, keep the model, and say how many held-out triplets it tells right, before and after."""
    wishes = _wishes()
    data = training_rows("embed")
    model = _loaded(wishes, data)
    told = {"before": _accuracy(model)}
    trainer = _trainer(wishes, model, data)
    require_all(len(trainer.train_dataset), len(data))
    trainer.train()
    model.save_pretrained(wishes.out)
    told["after"] = _accuracy(model)
    print(f"Share of the held-out triplets that are told right: {told}")
    print(f"Kept in {wishes.out}.")


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a name on the Hugging Face Hub or a folder")
    parser.add_argument("--out", default="trained/embedder", help="where the model is kept")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--rate", type=float, default=2e-5, help="learning rate")
    parser.add_argument("--batch", type=int, default=64, help="rows at once: each one's passages mislead the others")
    parser.add_argument("--mini-batch", type=int, default=16, help="rows in memory at once")
    parser.add_argument(
        "--smoke", action="store_true", help="two steps, on a tiny random model unless --model is given"
    )
    wishes = parser.parse_args()
    if not (wishes.model or wishes.smoke):
        parser.error("--model is needed, or --smoke")
    return wishes


def _loaded(wishes: argparse.Namespace, data: list[Json]) -> Any:
    from sentence_transformers import SentenceTransformer

    if wishes.model:
        return SentenceTransformer(wishes.model)
    return SentenceTransformer(
        tiny_encoder(Path(tempfile.mkdtemp(prefix="tiny-")), [text for row in data for text in strings(row)])
    )


def _accuracy(model: Any) -> float | None:
    from sentence_transformers.sentence_transformer.evaluation import TripletEvaluator

    held_out = rows("embed", "validation") + rows("embed", "test")
    if not held_out:
        return None
    anchors, positives, negatives = ([row[name] for row in held_out] for name in COLUMNS)
    return round(TripletEvaluator(anchors, positives, negatives, name="held_out")(model)["held_out_cosine_accuracy"], 4)


def _trainer(wishes: argparse.Namespace, model: Any, data: list[Json]) -> Any:
    import torch
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss
    from sentence_transformers.sentence_transformer.training_args import BatchSamplers

    arguments = SentenceTransformerTrainingArguments(
        output_dir=f"{wishes.out}/steps",
        num_train_epochs=wishes.epochs,
        max_steps=2 if wishes.smoke else -1,
        per_device_train_batch_size=wishes.batch,
        learning_rate=wishes.rate,
        warmup_steps=0.1,
        batch_sampler=BatchSamplers.NO_DUPLICATES,  # another row's answer may be this one's
        bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
        logging_steps=1 if wishes.smoke else 10,
        save_strategy="no",
        report_to="none",
        seed=42,
    )
    return SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(data).select_columns(list(COLUMNS)),
        loss=CachedMultipleNegativesRankingLoss(model, mini_batch_size=wishes.mini_batch),
    )


if __name__ == "__main__":
    main()
