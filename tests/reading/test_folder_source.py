"""A folder gives its files and nothing outside of it."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from knowledge.adapters.folder_source import FolderSource
from knowledge.errors import SourceError, UnreadableFileError
from knowledge.types import SourceFile


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


async def test_every_regular_file_is_listed_with_what_tells_a_change(root: Path) -> None:
    (root / "b" / "deep").mkdir(parents=True)
    (root / "b" / "deep" / "x.md").write_text("x")
    (root / "a.md").write_text("abc")
    listing = await FolderSource("s", root).list()
    status = (root / "a.md").stat()
    assert [file.path for file in listing.files] == ["a.md", "b/deep/x.md"]
    assert listing.files[0] == SourceFile("a.md", 3, status.st_mtime_ns, status.st_ino)
    assert (listing.skipped, listing.unseen) == ((), ())


async def test_what_is_no_document_is_skipped_with_one_entry_each(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.md").write_text("secret")
    (root / "link.md").symlink_to(outside / "secret.md")
    (root / "linked").symlink_to(outside)
    (root / "inner.md").symlink_to(root / "missing.md")
    (root / ".git").mkdir()
    (root / ".git" / "config.md").write_text("hidden")
    os.mkfifo(root / "pipe.md")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(root)  # the path of a socket may be no longer than 108 bytes
        listener.bind("socket.md")
        os.chdir(here)
        listing = await FolderSource("s", root).list()
    link = "a link; links are not followed"
    assert listing.files == ()
    assert {entry.path: entry.reason for entry in listing.skipped} == {
        "link.md": link,
        "linked": link,
        "inner.md": link,
        ".git": "hidden",
        "pipe.md": "a pipe",
        "socket.md": "a socket",
    }


@pytest.mark.parametrize("swap", ["file", "folder"])
async def test_a_path_swapped_for_a_link_after_the_walk_is_not_read(root: Path, tmp_path: Path, swap: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.md").write_text("secret")
    (root / "sub").mkdir()
    (root / "sub" / "a.md").write_text("fine")
    source = FolderSource("s", root)
    (file,) = (await source.list()).files
    assert await source.read(file) == b"fine"
    (root / "sub" / "a.md").unlink()
    if swap == "file":
        (root / "sub" / "a.md").symlink_to(outside / "a.md")
    else:
        (root / "sub").rmdir()
        (root / "sub").symlink_to(outside)
    with pytest.raises(UnreadableFileError, match="could not be opened"):
        await source.read(file)


async def test_a_file_swapped_for_a_pipe_does_not_hang(root: Path) -> None:
    os.mkfifo(root / "a.md")
    with pytest.raises(UnreadableFileError, match="no regular file"):
        await FolderSource("s", root).read(SourceFile("a.md", 1, 1))


async def test_a_file_above_the_limit_is_named(root: Path) -> None:
    (root / "a.txt").write_bytes(b"x" * 2_000_000)
    source = FolderSource("s", root, max_bytes=1024**2)
    (file,) = (await source.list()).files
    with pytest.raises(UnreadableFileError, match="larger than 1 MB"):
        await source.read(file)


async def test_names_that_are_not_utf8_can_be_listed_and_read(root: Path) -> None:
    (root / os.fsdecode(b"caf\xe9.md")).write_text("coffee")
    source = FolderSource("s", root)
    (file,) = (await source.list()).files
    assert await source.read(file) == b"coffee"


async def test_a_very_deep_folder_is_walked(root: Path) -> None:
    here = os.open(root, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    with open(os.open("a.md", os.O_WRONLY | os.O_CREAT, dir_fd=here), "w") as file:  # noqa: ASYNC230, PTH123
        file.write("deep")
    os.close(here)
    source = FolderSource("s", root)
    (found,) = (await source.list()).files
    assert await source.read(found) == b"deep"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_what_may_not_be_read_is_skipped_and_remembered_as_unseen(root: Path) -> None:
    (root / "locked").mkdir()
    (root / "a.md").write_text("x")
    (root / "locked").chmod(0)
    (root / "a.md").chmod(0)
    listing = await FolderSource("s", root).list()
    (root / "locked").chmod(0o700)
    assert set(listing.unseen) == {"locked", "a.md"} == {entry.path for entry in listing.skipped}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("missing", "The folder .*missing does not exist."), ("file.md", ".*file.md is not a folder.")],
)
async def test_a_root_that_is_no_folder_is_said_in_one_sentence(root: Path, name: str, sentence: str) -> None:
    (root / "file.md").write_text("x")
    with pytest.raises(SourceError, match=f"^{sentence}$"):
        await FolderSource("s", root / name).list()


@pytest.mark.parametrize("below", ["../outside", "a/../..", ".git", "missing", "a//b", "a\0b", "/etc/../../etc"])
async def test_a_folder_inside_the_source_cannot_lead_out_of_it(root: Path, below: str) -> None:
    (root / "a").mkdir()
    (root / ".git").mkdir()
    with pytest.raises(SourceError, match=r"no.* folder"):
        await FolderSource("s", root, below=below).list()


async def test_nothing_outside_is_seen_while_folders_and_files_are_swapped_for_links(
    root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.md").write_text("secret")
    (outside / "only-outside.md").write_text("secret")
    (root / "sub").mkdir()
    (root / "sub" / "a.md").write_text("fine")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "sub").rename(tmp_path / "away")
            (root / "sub").symlink_to(outside)
            (root / "sub").unlink()
            (tmp_path / "away").rename(root / "sub")

    swapping = threading.Thread(target=swap)
    swapping.start()
    source = FolderSource("s", root)
    wanted = SourceFile("sub/a.md", 4, 1)
    contents: set[bytes | str] = set()
    names: set[str] = set()
    until = time.monotonic() + 20
    try:
        while time.monotonic() < until and not ({b"fine", "failed"} <= contents and len(names) == 2):
            listing = await source.list()
            names |= {file.path for file in listing.files} | {entry.path for entry in listing.skipped}
            for result in await source.read_batch([wanted] * 50):
                contents.add(result if isinstance(result, bytes) else "failed")
    finally:
        stop.set()
        swapping.join()
    assert contents == {b"fine", "failed"}
    assert names == {"sub/a.md", "sub"}


# --- .footnoteignore --------------------------------------------------------------------------------------------------

LEFT_OUT = ".footnoteignore leaves it out"
TREE = (
    "a.md",
    "draft.md",
    "b.log",
    "keep.log",
    "build/x.md",
    "sub/a.md",
    "sub/draft.md",
    "sub/build/x.md",
    "sub/deep/b.md",
)


def plant(root: Path, files: tuple[str, ...] = TREE) -> None:
    for path in files:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")


def kept_by_git(root: Path) -> list[str]:
    git = ["git", "-c", "core.excludesFile=/dev/null", "-c", "init.defaultBranch=main"]
    subprocess.run([*git, "init", "--quiet"], cwd=root, check=True)
    asked = [*git, "ls-files", "--others", "--exclude-per-directory=.footnoteignore"]
    return subprocess.run(asked, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize(
    ("rules", "nested"),
    [
        ("*.log\n!keep.log\n", ""),
        ("/build/\n", ""),
        ("build/\n# a remark\n\n", "!build/\n"),
        ("draft.md\n", "!draft.md\n/a.md\n"),
        ("*\n!*/\n!*.md\n", "*.md\n!/a.md\n"),
        ("sub/**/b.md\n", ""),
        ("**/x.md\n", "deep\n"),
        ("sub/*\n!sub/deep/\n", ""),
        ("sub/**\n!sub/a.md\n", ""),
        ("sub\n!sub\n", ""),
        ("deep/*.md\nsub/draft.*\n", ""),
        ("\\!odd\n?.md\n[k-l]eep.*\n", ""),
    ],
)
async def test_what_is_left_out_is_what_git_would_leave_out(root: Path, rules: str, nested: str) -> None:
    plant(root)
    (root / ".footnoteignore").write_text(rules)
    (root / "sub" / ".footnoteignore").write_text(nested)
    listing = await FolderSource("s", root).list()
    found = kept_by_git(root)
    assert [file.path for file in listing.files] == sorted(path for path in found if ".footnoteignore" not in path)
    assert {entry.reason for entry in listing.skipped} <= {LEFT_OUT}


async def test_a_folder_that_is_left_out_is_one_entry_and_is_not_looked_into(root: Path) -> None:
    plant(root)
    (root / ".footnoteignore").write_text("sub/\nbuild\n")
    listing = await FolderSource("s", root).list()
    left_out = [entry.path for entry in listing.skipped if entry.reason == LEFT_OUT]
    assert left_out == ["build", "sub"]


async def test_rules_above_hold_in_a_part_of_the_source(root: Path) -> None:
    plant(root)
    (root / ".footnoteignore").write_text("draft.md\nsub/build/\n")
    (found,) = [await FolderSource("s", root, below="sub").list()]
    assert [file.path for file in found.files] == ["sub/a.md", "sub/deep/b.md"]
    with pytest.raises(SourceError, match=r"'sub/build' is left out by \.footnoteignore"):
        await FolderSource("s", root, below="sub/build").list()


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [("fine\n!\n", "Line 2 of sub/.footnoteignore"), ("*a*a*a*a*b", "Line 1 of .* more than 3 stars")],
)
async def test_rules_that_make_no_sense_stop_the_walk(root: Path, rules: str, sentence: str) -> None:
    plant(root)
    (root / "sub" / ".footnoteignore").write_text(rules)
    with pytest.raises(SourceError, match=f"^{sentence}"):
        await FolderSource("s", root).list()


async def test_rules_behind_a_link_stop_the_walk(root: Path, tmp_path: Path) -> None:
    plant(root)
    (tmp_path / "rules").write_text("*")
    (root / ".footnoteignore").symlink_to(tmp_path / "rules")
    with pytest.raises(SourceError, match="cannot be read, so what to leave out is not known"):
        await FolderSource("s", root).list()


async def test_names_that_are_not_utf8_can_be_left_out(root: Path) -> None:
    (root / os.fsdecode(b"caf\xe9.md")).write_text("coffee")
    (root / "tea.md").write_text("tea")
    (root / ".footnoteignore").write_bytes(b"caf\xe9.*\n")
    listing = await FolderSource("s", root).list()
    assert [file.path for file in listing.files] == ["tea.md"]
