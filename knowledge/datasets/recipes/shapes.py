"""Writes the rows in the shapes of other trainers and of services that train, and checks their limits.

    python shapes.py axolotl llama-factory

writes axolotl/<kind>/<split>.jsonl and so on beside this file, row for row in the order of <kind>/<split>.jsonl.
It needs nothing but Python.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Json = dict[str, Any]

CHARACTERS_PER_TOKEN = 4
"""For estimates only; few tokenizers need more tokens than that for prose."""
SPLITS = ("train", "validation", "test")


def messages(row: Json) -> Json:
    """One conversation that ends with the completion."""
    return {"messages": [*row["prompt"], *row["completion"]]}


def preference(row: Json) -> Json:
    """A preference pair as OpenAI, Together and Fireworks read it."""
    return {
        "input": {"messages": row["prompt"]},
        "preferred_output": row["chosen"],
        "non_preferred_output": row["rejected"],
    }


def axolotl_preference(row: Json) -> Json:
    """A preference pair whose sides are objects, not lists."""
    return {"messages": row["prompt"], "chosen": row["chosen"][0], "rejected": row["rejected"][0]}


def axolotl_thumb(row: Json) -> Json:
    """A completion with its thumb, as text in ChatML."""
    turns = [f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" for message in row["prompt"]]
    return {
        "prompt": "".join([*turns, "<|im_start|>assistant\n"]),
        "completion": f"{row['completion'][0]['content']}<|im_end|>",
        "label": row["label"],
    }


def llama_factory_preference(row: Json) -> Json:
    """A preference pair of LLaMA-Factory's `ranking` data sets."""
    return {"conversations": row["prompt"], "chosen": row["chosen"][0], "rejected": row["rejected"][0]}


def llama_factory_thumb(row: Json) -> Json:
    """A conversation with its thumb."""
    return {**messages(row), "label": row["label"]}


def bedrock_claude(row: Json) -> Json:
    """Instructions beside the turns, which begin with the user and alternate."""
    system = "\n\n".join(message["content"] for message in row["prompt"] if message["role"] == "system")
    turns = [message for message in row["prompt"] if message["role"] != "system"]
    return {"system": system, "messages": [*turns, *row["completion"]]}


def bedrock_nova(row: Json) -> Json:
    """A conversation of the Converse API."""
    plain = bedrock_claude(row)
    turns = [{"role": turn["role"], "content": [{"text": turn["content"]}]} for turn in plain["messages"]]
    return {"schemaVersion": "bedrock-conversation-2024", "system": [{"text": plain["system"]}], "messages": turns}


@dataclass(frozen=True)
class Limits:
    """What a service takes; what is not known is not limited."""

    least_rows: int = 1
    most_rows: int = sys.maxsize
    most_validation_rows: int = sys.maxsize
    most_bytes: int = sys.maxsize
    most_tokens: int = sys.maxsize
    """Of one row."""
    no_markers: tuple[str, ...] = ()
    """Texts that may not stand in a row."""


@dataclass(frozen=True)
class Target:
    """A trainer or a service, and the folder that is written for it."""

    folder: str
    shapes: dict[str, Callable[[Json], Json]]
    limits: Limits = field(default_factory=Limits)
    until: str = ""
    """What is known of its end, or of what it wants besides."""


_CHAT = {"sft": messages, "raft": messages}

TARGETS: dict[str, tuple[Target, ...]] = {
    "openai": (
        Target(
            "openai",
            {**_CHAT, "dpo": preference},
            Limits(least_rows=10, most_bytes=512 << 20, most_tokens=65_536),
            "OpenAI closes fine-tuning: new organisations lost it on 7 May 2026, inactive ones on 2 July 2026, "
            "everybody does on 6 January 2027; a tuned model ends with its base (GPT-4o and 4.1: 14 January 2027).",
        ),
    ),
    "bedrock": (
        Target(
            "bedrock-claude",
            {"sft": bedrock_claude, "raft": bedrock_claude},
            Limits(
                least_rows=32,
                most_rows=10_000,
                most_validation_rows=1_000,
                most_bytes=10 << 30,
                most_tokens=32_000,
                no_markers=("\n\nHuman:", "\n\nAssistant:"),
            ),
            "Claude 3 Haiku, the one Claude that Bedrock lists for fine-tuning, reached its end of life on "
            "10 September 2026: take this for closed unless your account proves otherwise.",
        ),
        Target(
            "bedrock-nova",
            {"sft": bedrock_nova, "raft": bedrock_nova},
            Limits(),
            "Amazon Nova reads conversations of the Converse API; Nova 2 does not use a validation file.",
        ),
    ),
    "together": (Target("together", {**_CHAT, "dpo": preference}, Limits(most_bytes=100 << 30)),),
    "fireworks": (Target("fireworks", {**_CHAT, "dpo": preference}, Limits(least_rows=3, most_rows=3_000_000)),),
    "axolotl": (
        Target(
            "axolotl",
            {**_CHAT, "dpo": axolotl_preference, "kto": axolotl_thumb},
            until="axolotl.yml reads these files; the one for KTO is text in ChatML, the template of Qwen's models.",
        ),
    ),
    "llama-factory": (
        Target(
            "llama-factory",
            {**_CHAT, "dpo": llama_factory_preference, "kto": llama_factory_thumb},
            until="dataset_info.json names these files: give LLaMA-Factory this folder as its dataset_dir.",
        ),
    ),
}


def convert(target: Target, kind: str, rows: Sequence[Json]) -> list[Json]:
    """Give rows of one kind the shape that the target reads."""
    return [target.shapes[kind](row) for row in rows]


def findings(target: Target, kind: str, split: str, lines: Sequence[str]) -> Iterator[str]:
    """Say what of a file the target would refuse."""
    limits, place = target.limits, f"{target.folder}/{kind}/{split}.jsonl"
    if split == "train" and len(lines) < limits.least_rows:
        yield f"{place}: {len(lines)} rows, and at least {limits.least_rows} are wanted"
    most = limits.most_validation_rows if split == "validation" else limits.most_rows
    if len(lines) > most:
        yield f"{place}: {len(lines)} rows, and at most {most} are taken"
    size = sum(len(line.encode()) + 1 for line in lines)
    if size > limits.most_bytes:
        yield f"{place}: {size} bytes, and at most {limits.most_bytes} are taken"
    long = sum(len(line) / CHARACTERS_PER_TOKEN > limits.most_tokens for line in lines)
    if long:
        yield f"{place}: {long} rows are probably longer than the {limits.most_tokens} tokens that are taken"
    marked = sum(any(json.dumps(marker)[1:-1] in line for marker in limits.no_markers) for line in lines)
    if marked:
        yield f"{place}: {marked} rows hold a marker of turns that is not allowed in a text"
    odd = sum(not alternates(json.loads(line)) for line in lines)
    if odd:
        yield f"{place}: {odd} rows do not alternate between user and assistant"


def alternates(row: Json) -> bool:
    """Say whether a row's turns begin with the user, alternate, and end as its shape wants."""
    turns = row.get("messages") or row.get("conversations") or row.get("input", {}).get("messages") or []
    roles = [turn["role"] for turn in turns if turn["role"] != "system"]
    return all(role == ("user", "assistant")[place % 2] for place, role in enumerate(roles))


def main(names: Sequence[str]) -> None:
    """Convert what stands beside this file."""
    here = Path(__file__).parent
    unknown = [name for name in names if name not in TARGETS]
    if unknown or not names:
        sys.exit(f"Name one or more of: {', '.join(TARGETS)}.")
    for target in [target for name in names for target in TARGETS[name]]:
        for kind, split in [(kind, split) for kind in target.shapes for split in SPLITS]:
            _convert_file(here, target, kind, split)
        if target.until:
            print(target.until)


def _convert_file(here: Path, target: Target, kind: str, split: str) -> None:
    source = here / kind / f"{split}.jsonl"
    if not source.exists():
        return
    rows = [json.loads(line) for line in source.read_text("utf-8").split("\n") if line]
    lines = [json.dumps(row, ensure_ascii=False) for row in convert(target, kind, rows)]
    place = here / target.folder / kind / f"{split}.jsonl"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    print(f"{place.relative_to(here)}: {len(lines)} rows")
    for finding in findings(target, kind, split, lines):
        print(f"  {finding}")


if __name__ == "__main__":
    main(sys.argv[1:])
