"""An export holds what trainers load and nothing else, says where each row comes from, and leaves out what it must."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from bench.dataset_checks import COLUMNS
from knowledge import ExportOrder, Feedback, Kind, KnowledgeBase, Settings, UsageError, Vote
from tests.datasets.conftest import TARGETS, Exported
from tests.datasets.month import GOOD, PEOPLE, REVIEWER, in_channel
from tests.test_cli import refusal, run, run_json


def of_answer(exported: Exported, folder: str, name: str) -> list[dict]:
    return [row for row in exported.provenance(folder) if row["answer_id"] == exported.month.id(name)]


def test_the_folder_is_laid_out_as_documented(exported: Exported):
    files = exported.files("first")
    for path in files:
        assert re.fullmatch(
            r"README\.md|manifest\.json|provenance\.jsonl|(?:sft|dpo|kto|raft|embed|rerank)/(?:train|validation|test)\.jsonl"
            r"|eval/test\.jsonl|[a-z_]+\.(?:py|yml|json|txt)",
            path,
        ), path
    for kind in COLUMNS:
        assert any(path.startswith(f"{kind}/") for path in files), kind


def test_the_manifest_has_every_file_with_its_hash_and_its_rows(exported: Exported):
    for name in exported.reports:
        files = exported.files(name)
        manifest = exported.manifest(name)
        listed = [*manifest["files"], *manifest["shaped"]]
        assert {each["path"] for each in listed} == {path for path in files if path.endswith(".jsonl")}
        for each in listed:
            content = files[each["path"]]
            assert each["sha256"] == hashlib.sha256(content).hexdigest()
            assert (each["rows"], each["bytes"]) == (content.count(b"\n"), len(content))


def test_each_row_has_one_line_of_provenance(exported: Exported):
    for name in exported.reports:
        lines = Counter()
        for path, content in exported.files(name).items():
            kind, _, split = path.removesuffix(".jsonl").partition("/")
            if kind in COLUMNS and path.endswith(".jsonl"):
                lines.update((hashlib.sha256(line).hexdigest(), kind, split) for line in content.split(b"\n")[:-1])
        told = exported.provenance(name)
        assert Counter((row["row_sha256"], row["kind"], row["split"]) for row in told) == lines
        assert len({row["row_sha256"] for row in told}) == len(told)


def test_rows_hold_the_trainers_keys_in_the_order_that_carries_meaning(exported: Exported):
    for kind, keys in COLUMNS.items():
        rows = exported.rows("first", kind)
        assert rows, kind
        assert all(list(row) == keys for row in rows)


def test_conversations_have_the_form_that_trl_reads(exported: Exported):
    for kind in ("sft", "dpo", "kto", "raft"):
        for row in exported.rows("shaped", kind):
            roles = [message["role"] for message in row["prompt"]]
            assert roles[0] == "system"
            assert roles[1:] == ["user" if place % 2 == 0 else "assistant" for place in range(len(roles) - 1)]
            assert roles[-1] == "user"
            for side in ("completion", "chosen", "rejected"):
                assert [message["role"] for message in row.get(side, ())] in ([], ["assistant"])
            assert row.get("chosen") is None or row["chosen"] != row["rejected"]
    assert {type(row["label"]) for row in exported.rows("first", "kto")} == {bool}
    assert {row["label"] for row in exported.rows("first", "rerank")} == {0.0, 1.0}


def test_the_same_feedback_makes_the_same_bytes(exported: Exported):
    assert exported.files("first") == exported.files("again")
    assert exported.reports["first"].snapshot == exported.reports["again"].snapshot
    # A part of it is the same part.
    first, alone = exported.files("first"), exported.files("sft")
    assert all(first[path] == content for path, content in alone.items() if path.startswith("sft/"))


def test_no_byte_tells_a_place_or_a_person(exported: Exported):
    for name in exported.reports:
        for path, content in exported.files(name).items():
            text = content.decode()
            assert str(exported.root) not in text, path
            for private in (*PEOPLE, REVIEWER, "U0SILENT1", "C0TEAM001", "D0DIRECT1", "@example.com", "341 1234567"):
                assert private not in text, (path, private)


def test_no_group_is_in_two_splits_and_only_held_out_groups_are_evaluated_with(exported: Exported):
    splits = defaultdict(set)
    for row in [row for name in exported.reports for row in exported.provenance(name)]:
        splits[row["group_id"]].add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    assert len(splits) > 20
    assert {row["split"] for row in exported.provenance("first") if row["kind"] == "eval"} == {"test"}


@pytest.mark.parametrize("name", ["direct", "opted out"])
def test_direct_messages_and_who_opted_out_are_left_out(exported: Exported, name: str):
    assert of_answer(exported, "shaped", name) == []


def test_contradictory_votes_and_those_that_blame_what_was_found_teach_no_writing(exported: Exported):
    for name in ("contested", "outdated"):
        assert {row["kind"] for row in of_answer(exported, "shaped", name)} <= {"rerank", "embed"}
    assert of_answer(exported, "first", "contested") == []
    assert [row["kind"] for row in of_answer(exported, "first", "bad")] == ["kto"]
    disliked = [row for row in exported.rows("first", "kto") if not row["label"]]
    assert {row["completion"][0]["content"].partition(" [")[0] for row in disliked} == {
        "The ticket is paid from the training budget.",
        "Bicycles are parked in the yard.",
    }


def test_a_pair_holds_two_answers_to_the_same_request(exported: Exported):
    pairs = exported.rows("first", "dpo")
    assert "Tell your manager at least seven weeks before parental leave begins." in json.dumps(pairs)
    (again,) = (row for row in exported.provenance("shaped") if "rejected_answer_id" in row)
    assert {again["answer_id"], again["rejected_answer_id"]} == {
        exported.month.id("taxi"),
        exported.month.id("taxi again"),
    }
    assert (again["kind"], again["origin"]) == ("dpo", "model:m-1")


def test_what_a_model_wrote_stays_out_of_what_teaches_to_write_unless_it_is_asked_for(exported: Exported):
    generators = {"sft", "dpo", "kto", "raft"}
    assert not [row for row in exported.provenance("first") if "model:" in row["origin"] and row["kind"] in generators]
    assert {row["kind"] for row in exported.provenance("shaped") if "model:" in row["origin"]} >= {"sft", "kto", "dpo"}
    for kind in ("embed", "rerank"):
        assert exported.rows("first", kind) == exported.rows("shaped", kind)
    assert any("--include-model-answers" in note for note in exported.reports["first"].notes)
    assert "--include-model-answers" in exported.files("first")["README.md"].decode()
    assert exported.manifest("shaped")["filters"]["include_model_answers"] is True


def test_a_correction_of_a_models_answer_is_the_persons_own_words(exported: Exported):
    kinds = {row["kind"]: row["origin"] for row in of_answer(exported, "first", "hotel")}
    assert kinds["sft"] == "human"
    assert "dpo" not in kinds
    shaped = {row["origin"] for row in of_answer(exported, "shaped", "hotel") if row["kind"] == "dpo"}
    assert shaped == {"human+model:m-1"}


def test_only_what_a_reviewer_judged_is_taken_on_request(exported: Exported):
    assert {row["basis"] for row in exported.provenance("reviewed")} == {"review"}


def test_raft_teaches_to_decline_where_the_source_is_missing(exported: Exported):
    rows = {row["row_sha256"]: row for row in exported.provenance("first") if row["kind"] == "raft"}
    assert {row["source"] for row in rows.values()} == {"among others", "taken away"}
    for row in exported.rows("first", "raft"):
        text = json.dumps(row, ensure_ascii=False)
        told = rows[hashlib.sha256(text.encode()).hexdigest()]
        reply = row["completion"][0]["content"]
        assert (reply == "NOT_IN_PASSAGES\nEND") is (told["source"] == "taken away")
        asked = row["prompt"][-1]["content"]
        for number, quote in re.findall(r'\[(\d+): "(.*?)"\]', reply):
            passage = asked.partition(f'<passage number="{number}"')[2].partition("</passage>")[0]
            assert letters(quote) in letters(passage)


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def test_negatives_are_not_what_answers(exported: Exported):
    for row in exported.rows("first", "embed"):
        assert row["positive"] != row["negative"]
    labels = defaultdict(set)
    for row in exported.rows("first", "rerank"):
        labels[row["query"], row["passage"]].add(row["label"])
    assert all(len(found) == 1 for found in labels.values())


def test_no_person_stands_behind_more_than_a_tenth(exported: Exported):
    for kind in ("sft", "kto", "raft", "rerank", "embed"):
        rows = [row["raters"] for row in exported.provenance("first") if row["kind"] == kind]
        alone = Counter(raters[0] for raters in rows if len(raters) == 1)
        assert all(count <= max(1, 0.1 * len(rows)) for count in alone.values()), kind


def test_kto_weights_balance_the_thumbs(exported: Exported):
    weights = exported.reports["first"].kto
    ratio = weights["desirable_weight"] * weights["up"] / (weights["undesirable_weight"] * weights["down"])
    assert 1 <= round(ratio, 3) <= 1.334
    assert f"{weights['undesirable_weight']:g}" in exported.files("first")["README.md"].decode()


def test_the_card_is_one_that_the_hub_reads(exported: Exported):
    front = yaml.safe_load(exported.files("shaped")["README.md"].decode().split("---\n")[1])
    files = exported.files("shaped")
    assert {config["config_name"] for config in front["configs"]} == set(COLUMNS)
    assert all(file["path"] in files for config in front["configs"] for file in config["data_files"])
    assert front["size_categories"] == ["n<1K"]


def test_each_target_gets_its_shape(exported: Exported):
    rows = {}
    for path, content in exported.files("shaped").items():
        if path.count("/") == 2:
            rows[path] = [json.loads(line) for line in content.decode().splitlines()]
            _, kind, split = path.removesuffix(".jsonl").split("/")
            assert len(rows[path]) == len(exported.rows("shaped", kind, split))
    assert {path.partition("/")[0] for path in rows} == {*TARGETS, "bedrock-claude", "bedrock-nova"} - {"bedrock"}
    for row in rows["openai/sft/train.jsonl"] + rows["together/sft/train.jsonl"] + rows["axolotl/sft/train.jsonl"]:
        assert list(row) == ["messages"]
        assert row["messages"][-1]["role"] == "assistant"
    for row in rows["bedrock-claude/sft/train.jsonl"]:
        assert list(row) == ["system", "messages"]
        assert [message["role"] for message in row["messages"]][::2] == ["user"] * (len(row["messages"]) // 2)
    for row in rows["bedrock-nova/sft/train.jsonl"]:
        assert list(row["messages"][0]["content"][0]) == ["text"]
    for row in rows["fireworks/dpo/train.jsonl"]:
        assert list(row) == ["input", "preferred_output", "non_preferred_output"]
    for row in rows["llama-factory/dpo/train.jsonl"]:
        assert list(row["chosen"]) == ["role", "content"]
    described = json.loads(exported.files("shaped")["dataset_info.json"])
    assert all(each["file_name"] in rows for each in described.values())
    recipe = yaml.safe_load(exported.files("shaped")["axolotl.yml"])
    assert all(each["path"] in rows for each in [*recipe["datasets"], *recipe["test_datasets"]])


def test_the_end_of_a_service_and_its_limits_are_told(exported: Exported):
    notes = "\n".join(exported.reports["shaped"].notes)
    assert "6 January 2027" in notes
    assert "10 September 2026" in notes
    assert "bedrock-claude/sft/train.jsonl" in notes
    assert "6 January 2027" in exported.files("shaped")["README.md"].decode()


@pytest.fixture
async def again(exported: Exported) -> AsyncIterator[KnowledgeBase]:
    """The month's knowledge base, opened once more."""
    kb = await KnowledgeBase.open(exported.settings)
    yield kb
    await kb.close()


async def test_a_snapshot_knows_the_one_before_it_and_is_revoked_when_words_in_it_are_forgotten(
    exported: Exported, again: KnowledgeBase
):
    reports = exported.reports
    assert reports["first"].snapshot == reports["again"].snapshot
    snapshots = {each.id: each for each in await again.snapshots()}
    assert list(snapshots) == [reports[name].snapshot for name in ("first", "shaped", "sft", "reviewed")]
    assert snapshots[reports["shaped"].snapshot].parent == reports["first"].snapshot
    assert exported.manifest("shaped")["parent"] == reports["first"].snapshot
    revoke = again._store.snapshots.revoke
    assert await revoke([exported.month.id("direct")], reason="forgotten") == []
    revoked = await revoke([exported.month.id("taxi again")], reason="forgotten")
    assert revoked == [reports["shaped"].snapshot]
    states = {each.id: (each.state, each.reason) for each in await again.snapshots()}
    assert [each for each, state in states.items() if state == ("revoked", "forgotten")] == revoked


async def test_what_was_held_out_never_comes_back_when_groups_grow_together(
    exported: Exported, again: KnowledgeBase, tmp_path
):
    before = {row["answer_id"]: row["split"] for row in exported.provenance("first")}
    tested, trained = GOOD[7], GOOD[9]
    assert (before[exported.month.id(tested)], before[exported.month.id(trained)]) == ("test", "train")
    for text in (tested, trained):
        answer = await again.ask(in_channel(text, PEOPLE[0], thread="the same"))
        await again.give_feedback(Feedback(answer.id, PEOPLE[1], Vote.UP))
    await again.export(tmp_path / "later")
    lines = (tmp_path / "later/provenance.jsonl").read_text("utf-8").splitlines()
    after = {row["answer_id"]: row["split"] for row in map(json.loads, lines)}
    assert after[exported.month.id(tested)] == "test"
    assert after.get(exported.month.id(trained), "test") == "test"
    assert all(split == after[answer] or split == "train" for answer, split in before.items() if answer in after)


async def test_who_is_forgotten_vanishes_and_what_held_their_words_is_revoked(
    exported: Exported, again: KnowledgeBase, tmp_path
):
    person = PEOPLE[3]
    gone = {
        name
        for name, each in exported.month.answers.items()
        if (await again.exchange(each.id)).question.asker == person
    }
    assert gone
    forgotten = await again.forget(person)
    assert set(forgotten.snapshots) >= {exported.reports["first"].snapshot, exported.reports["shaped"].snapshot}
    revoked = {each.id for each in await again.snapshots() if each.state == "revoked"}
    assert set(forgotten.snapshots) <= revoked
    report = await again.export(tmp_path / "after")
    assert report.snapshot not in revoked
    rows = [json.loads(line) for line in (tmp_path / "after/provenance.jsonl").read_text("utf-8").splitlines()]
    assert not {row["answer_id"] for row in rows} & {exported.month.id(name) for name in gone}
    before = {rater for row in exported.provenance("first") for rater in row["raters"]}
    assert before - {rater for row in rows for rater in row["raters"]}


async def test_an_empty_database_says_that_there_is_no_feedback(settings: Settings, tmp_path):
    kb = await KnowledgeBase.open(settings)
    report = await kb.export(tmp_path / "out")
    await kb.close()
    assert report.snapshot is None
    assert report.reasons == {kind.value: "no feedback" for kind in Kind}
    assert not (tmp_path / "out").exists()


async def test_an_export_is_never_written_over_anything(settings: Settings, tmp_path):
    kb = await KnowledgeBase.open(settings)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="new or an empty folder"):
        await kb.export(tmp_path / "out")
    with pytest.raises(UsageError, match="openia"):
        await kb.export(tmp_path / "other", ExportOrder(targets=("openia",)))
    await kb.close()


def test_the_command_says_why_nothing_was_written():
    done = run("export", "out")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Nothing to export")
    assert done.stdout.count("no feedback") == len(Kind)
    assert run_json("export", "out")["reasons"]["sft"] == "no feedback"


def test_the_command_exports_what_was_judged_at_the_command_line(handbook):
    run_json("reindex", str(handbook))
    answer_id = run_json("ask", "What is the hotel limit in London?")["answer_id"]
    assert run("feedback", answer_id, "up", "--by", "ann").exit_code == 0
    report = run_json("export", "out", "--kind", "sft", "--kind", "rerank,", "--for", "axolotl")
    assert report["rows"] == sum(sum(splits.values()) for splits in report["splits"].values()) > 0
    assert set(report["splits"]) == {"sft", "rerank"}
    done = run("export", "other")
    assert (done.exit_code, "snapshot" in done.stdout) == (0, True)
    assert "out" in refusal("export", "out")
    assert "sfd" in refusal("export", "new", "--kind", "sfd")
    assert "openia" in refusal("export", "new", "--for", "openia")


def test_what_draws_on_a_restricted_source_is_exported_only_on_request(tmp_path, handbook):
    (tmp_path / "pay").mkdir()
    (tmp_path / "pay/bands.md").write_text(
        "# Pay\n\nThe salary band for engineers at level four begins at 71,000 euros.\n"
    )
    (tmp_path / "footnote.toml").write_text(
        f'[sources.handbook]\npath = "{handbook}"\n[sources.pay]\npath = "pay"\nusers = ["U0ADA"]\n'
    )
    for source in ("handbook", "pay"):
        run_json("reindex", source)
    asked_as_ada = ("Where does the salary band for engineers at level four begin?", "--as", "user:U0ADA")
    for asked in (asked_as_ada, ("Who orders new laptops?",)):
        answer = run_json("ask", *asked)
        assert answer["outcome"] == "answered"
        assert run("feedback", answer["answer_id"], "up", "--by", "ann").exit_code == 0
    told = run("export", "public", "--kind", "sft")
    assert "left out: 1 exchange: it draws on sources that not everybody may see" in told.stdout
    assert run("export", "whole", "--kind", "sft", "--include-restricted").exit_code == 0
    held = {name: "".join(path.read_text() for path in Path(name).rglob("*.jsonl")) for name in ("public", "whole")}
    assert ["71,000" in held[name] for name in ("public", "whole")] == [False, True]
    assert all("Priya Raman" in text for text in held.values())
    filters = json.loads(Path("whole/manifest.json").read_text())["filters"]
    assert filters["include_restricted"] is True


def test_a_redactor_of_ones_own_is_used_by_its_dotted_path(tmp_path, handbook, monkeypatch):
    (tmp_path / "our_redactor.py").write_text(OUR_REDACTOR)
    monkeypatch.syspath_prepend(str(tmp_path))
    run_json("reindex", str(handbook))
    answer_id = run_json("ask", "Who orders new laptops? Write to ann@example.com")["answer_id"]
    run("feedback", answer_id, "up", "--by", "ann")
    held = {}
    for name in ("our_redactor.Names", "none"):
        monkeypatch.setenv("FOOTNOTE_REDACTOR", name)
        assert run("export", name, "--kind", "sft").exit_code == 0
        held[name] = "".join(path.read_text() for path in Path(name).rglob("*.jsonl"))
    ours, nobodys = held.values()
    # The patterns stay in force beside it.
    assert ("Priya Raman" in ours, "ann@example.com" in ours) == (False, False)
    assert "ordered by <PERSON_1> in the IT team" in ours
    assert ("Priya Raman" in nobodys, "ann@example.com" in nobodys) == (True, True)
    assert "names" in json.loads(Path("our_redactor.Names/manifest.json").read_text())["versions"]["redactor"]
    monkeypatch.setenv("FOOTNOTE_REDACTOR", "our_redactor.Nobody")
    assert "our_redactor.Nobody" in refusal("export", "refused")


OUR_REDACTOR = """
from collections.abc import Iterator

from knowledge import Sensitive


class Names:
    name = "names"

    def find(self, text: str) -> Iterator[Sensitive]:
        place = text.find("Priya Raman")
        if place >= 0:
            yield Sensitive(place, place + len("Priya Raman"), "PERSON")
"""
