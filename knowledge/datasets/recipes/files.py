"""What the training programs beside this file share: the rows, and tiny random models to try everything with.

A tiny model is built from nothing, so `--smoke` needs no download: it shows that every row loads and trains, and learns
nothing of use.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]
HERE = Path(__file__).parent

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""The chat template of a tiny model, the one of Qwen's."""
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def rows(kind: str, split: str) -> list[Json]:
    """Read the rows of a set; none where there is no such file."""
    path = HERE / kind / f"{split}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line] if path.exists() else []


def training_rows(kind: str) -> list[Json]:
    """Read what is trained on, or stop."""
    return rows(kind, "train") or sys.exit(f"{kind}/train.jsonl is missing: this export holds no rows to train on.")


def require_all(kept: int, given: int) -> None:
    """Stop when a trainer has dropped rows: some do so without a word."""
    if kept != given:
        sys.exit(f"{given - kept} of {given} rows were dropped while they were prepared; none may be.")


def strings(value: Any) -> Iterable[str]:
    """Yield every text in a row."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for each in value.values() for text in strings(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in strings(each))


def tiny_chat_model(folder: Path, texts: Sequence[str]) -> str:
    """Build a chat model with random weights and a tokenizer of these texts; return where it stands."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM, set_seed

    set_seed(0)
    pieces = ByteLevelBPETokenizer()
    pieces.train_from_iterator(texts, vocab_size=600, special_tokens=SPECIAL, show_progress=False)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=pieces._tokenizer,  # noqa: SLF001 - the class has no public way to it
        eos_token=SPECIAL[2],
        pad_token=SPECIAL[0],
        model_max_length=1 << 17,
    )
    tokenizer.chat_template = CHATML
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1 << 17,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    tokenizer.save_pretrained(folder)
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return str(folder)


def tiny_encoder(folder: Path, texts: Sequence[str], *, labels: int | None = None) -> str:
    """Build an encoder with random weights, with a classification head where `labels` says so."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast, set_seed

    set_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    pieces = BertWordPieceTokenizer()
    pieces.train_from_iterator(texts, vocab_size=800, special_tokens=BERT, show_progress=False)
    pieces.save_model(str(folder))
    tokenizer = BertTokenizerFast.from_pretrained(folder, model_max_length=512)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        num_labels=labels or 2,
    )
    tokenizer.save_pretrained(folder)
    model = BertModel(config) if labels is None else BertForSequenceClassification(config)
    model.save_pretrained(folder)
    return str(folder)
