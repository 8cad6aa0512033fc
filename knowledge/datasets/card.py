"""The dataset card: a README.md in the form of the Hugging Face Hub, written from the manifest alone (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from string import Template
from typing import Any

_COLUMNS = {
    "sft": "`prompt`, `completion`: lists of messages (TRL, conversational prompt–completion)",
    "dpo": "`prompt`, `chosen`, `rejected`: lists of messages (TRL, explicit prompt)",
    "kto": "`prompt`, `completion`: lists of messages; `label`: true or false (TRL, unpaired)",
    "raft": "as `sft`, with the sources among passages that mislead, or taken away",
    "embed": "`query`, `positive`, `negative`, in this order (sentence-transformers, triplets)",
    "rerank": "`query`, `passage`, `label`: 1.0 or 0.0 (sentence-transformers, cross-encoders)",
    "eval": "`question`, `paths`, `reference_answer`, `answerable` (`footnote eval`)",
}
_TASKS = {
    "sft": "text-generation",
    "dpo": "text-generation",
    "kto": "text-generation",
    "raft": "question-answering",
    "embed": "sentence-similarity",
    "rerank": "text-ranking",
    "eval": "question-answering",
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_RUN = {
    "sft": "python train_trl.py sft --model Qwen/Qwen3-4B-Instruct-2507",
    "dpo": "python train_trl.py dpo --model Qwen/Qwen3-4B-Instruct-2507",
    "kto": "python train_trl.py kto --model Qwen/Qwen3-4B-Instruct-2507",
    "raft": "python train_trl.py raft --model Qwen/Qwen3-4B-Instruct-2507",
    "embed": "python train_embedder.py --model BAAI/bge-small-en-v1.5",
    "rerank": "python train_reranker.py --model cross-encoder/ms-marco-MiniLM-L6-v2",
    "eval": "footnote eval eval/test.jsonl",
}
_BASIS = {
    "review": "a reviewer's verdict",
    "correction": "a correction that no reviewer has judged",
    "vote": "votes alone",
}


def model_words() -> str:
    """Say why answers of models stay out: the command line says it, and the card."""
    return _read("model_words.md").strip()


def card(manifest: Mapping[str, Any], until: Sequence[str], findings: Sequence[str]) -> str:
    """Write the card. `until` says how long targets can be used, `findings` what they would refuse."""
    made = {kind: about for kind, about in manifest["kinds"].items() if about["rows"]}
    during = manifest["time_range"]
    parts = {
        "front_matter": _front_matter(made),
        "when": f", asked between {during[0][:10]} and {during[1][:10]}" if during else "",
        "id": manifest["id"],
        "parent": f" It follows `{manifest['parent']}`." if manifest["parent"] else "",
        "table": _table(made),
        "commands": "\n".join(_RUN[kind] for kind in made),
        "weights": _weights(made.get("kto", {}).get("kto")),
        "basis": ", ".join(f"{count} on {_BASIS[name]}" for name, count in _total(made, "basis").items()),
        "model_words": model_words(),
        "included": _INCLUDED if manifest["filters"]["include_model_answers"] else "",
        "origins": _origins(made),
        "redactor": manifest["versions"]["redactor"],
        "redactions": _redactions(made),
        "notes": "\n".join(f"- {note}" for note in [*_notes(made), *manifest["notes"]]),
        "left_out": _left_out(manifest),
        "targets": _targets(until, findings),
    }
    text = Template(_read("card.md")).substitute(parts)
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines()) + "\n"


_INCLUDED = "\n\n**This export was made with `--include-model-answers`.** Read the terms of those models first."


def _read(name: str) -> str:
    return resources.files("knowledge.datasets").joinpath(name).read_text("utf-8")


def _front_matter(made: Mapping[str, Any]) -> str:
    total = sum(about["rows"] for about in made.values())
    lines = ["---", "pretty_name: Feedback on cited answers", "license: other"]
    lines += ["license_name: see-who-wrote-what", "annotations_creators:", "- found", "source_datasets:", "- original"]
    lines += ["size_categories:", f"- {next((name for below, name in _SIZES if total < below), 'n>1M')}"]
    lines += ["task_categories:", *(f"- {task}" for task in dict.fromkeys(_TASKS[kind] for kind in made))]
    lines += ["tags:", "- rag", "- citations", "- human-feedback", "configs:"]
    for kind, about in made.items():
        splits = [split for split, rows in about["splits"].items() if rows]
        files = [text for split in splits for text in (f"  - split: {split}", f"    path: {kind}/{split}.jsonl")]
        lines += [f"- config_name: {kind}", "  data_files:", *files]
    return "\n".join([*lines, "---"])


def _table(made: Mapping[str, Any]) -> str:
    lines = ["| set | train | validation | test | groups | people | columns |", "|---|---|---|---|---|---|---|"]
    for kind, about in made.items():
        counts = " | ".join(str(count) for count in [*about["splits"].values(), about["groups"], about["people"]])
        lines.append(f"| `{kind}` | {counts} | {_COLUMNS[kind]} |")
    return "\n".join(lines)


def _weights(weights: Mapping[str, Any] | None) -> str:
    if weights is None:
        return ""
    one_sided = "" if weights["up"] and weights["down"] else " With one side alone KTO learns a constant: do not train."
    return (
        f"\n\nThe training rows for KTO hold {weights['up']} thumbs up and {weights['down']} down: `desirable_weight` "
        f"is {weights['desirable_weight']:g} and `undesirable_weight` {weights['undesirable_weight']:g}.{one_sided}"
    )


def _total(made: Mapping[str, Any], name: str) -> dict[str, int]:
    total = sum((Counter(about[name]) for about in made.values()), Counter[str]())
    return dict(sorted(total.items()))


def _origins(made: Mapping[str, Any]) -> str:
    rows = [f"| `{kind}` | {who} | {n} |" for kind, about in made.items() for who, n in about["origin"].items()]
    return "\n".join(["| set | written by | rows |", "|---|---|---|", *rows])


def _redactions(made: Mapping[str, Any]) -> str:
    found = [f"{count} × `<{name}_n>`" for name, count in _total(made, "redactions").items()]  # noqa: RUF001
    return ", ".join(found) or "nothing was found"


def _notes(made: Mapping[str, Any]) -> Iterator[str]:
    for kind, about in made.items():
        if about["note"]:
            yield f"`{kind}`: {about['note']}"
        if about.get("ungrounded"):
            yield (
                f"`{kind}`: in {about['ungrounded']} rows the correction goes beyond the passages of its prompt; "
                "`--grounded` leaves them out."
            )


def _left_out(manifest: Mapping[str, Any]) -> str:
    seen = [f"- {count} exchanges: {reason}" for reason, count in manifest["exchanges"].items() if reason != "labelled"]
    rows = [
        f"| `{kind}` | {reason} | {count} |"
        for kind, about in manifest["kinds"].items()
        for reason, count in about["left_out"].items()
    ]
    table = ["| set | why | count |", "|---|---|---|", *rows] if rows else []
    return "\n".join([*seen, *([""] if seen and table else []), *table]) or "Nothing."


def _targets(until: Sequence[str], findings: Sequence[str]) -> str:
    if not until and not findings:
        return ""
    return "\n".join(["", "## Other trainers and services", "", *(f"- {each}" for each in [*until, *findings])])
