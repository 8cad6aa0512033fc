"""Fine-tunes a reranker (a cross-encoder) on the pairs of this folder with sentence-transformers.

python train_reranker.py --model cross-encoder/ms-marco-MiniLM-L6-v2
python train_reranker.py --smoke       two steps with a tiny random model: no download, no graphics card
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from files import Json, require_all, rows, strings, tiny_encoder, training_rows


def main() -> None:
    """Train, keep the model, and say how well it tells held-out pairs apart, before and after."""
    wishes = _wishes()
    data = training_rows("rerank")
    model = _loaded(wishes, data)
    told = {"before": _precision(model)}
    trainer = _trainer(wishes, model, data)
    require_all(len(trainer.train_dataset), len(data))
    trainer.train()
    model.save_pretrained(wishes.out)
    told["after"] = _precision(model)
    print(f"Average precision on the held-out pairs: {told}")
    print(f"Kept in {wishes.out}.")


def _wishes() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a name on the Hugging Face Hub or a folder")
    parser.add_argument("--out", default="trained/reranker", help="where the model is kept")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--rate", type=float, default=2e-5, help="learning rate")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument(
        "--smoke", action="store_true", help="two steps, on a tiny random model unless --model is given"
    )
    wishes = parser.parse_args()
    if not (wishes.model or wishes.smoke):
        parser.error("--model is needed, or --smoke")
    return wishes


def _loaded(wishes: argparse.Namespace, data: list[Json]) -> Any:
    from sentence_transformers import CrossEncoder

    texts = [text for row in data for text in strings(row)]
    model = wishes.model or tiny_encoder(Path(tempfile.mkdtemp(prefix="tiny-")), texts, labels=1)
    return CrossEncoder(model, num_labels=1)


def _precision(model: Any) -> float | None:
    from sentence_transformers.cross_encoder.evaluation import CrossEncoderClassificationEvaluator

    held_out = rows("rerank", "validation") + rows("rerank", "test")
    labels = [int(row["label"]) for row in held_out]
    if len(set(labels)) < 2:
        return None
    pairs = [[row["query"], row["passage"]] for row in held_out]
    told = CrossEncoderClassificationEvaluator(pairs, labels, name="held_out", show_progress_bar=False)(model)
    return round(told["held_out_average_precision"], 4)


def _trainer(wishes: argparse.Namespace, model: Any, data: list[Json]) -> Any:
    import torch
    from datasets import Dataset
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

    right = sum(row["label"] > 0.5 for row in data)
    arguments = CrossEncoderTrainingArguments(
        output_dir=f"{wishes.out}/steps",
        num_train_epochs=wishes.epochs,
        max_steps=2 if wishes.smoke else -1,
        per_device_train_batch_size=wishes.batch,
        learning_rate=wishes.rate,
        warmup_steps=0.1,
        bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
        logging_steps=1 if wishes.smoke else 10,
        save_strategy="no",
        report_to="none",
        seed=42,
    )
    return CrossEncoderTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(data).select_columns(["query", "passage", "label"]),
        # Wrong passages outnumber right ones: both sides weigh the same.
        loss=BinaryCrossEntropyLoss(model, pos_weight=torch.tensor((len(data) - right) / max(1, right))),
    )


if __name__ == "__main__":
    main()
