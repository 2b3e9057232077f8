"""`srlm export --to hub:NAME` against a server on this machine that speaks as much of the Hub's protocol as it takes.

It keeps each commit as a whole. Large files are sent within the commit, which the real Hub has sent before it.
"""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.forks.command import Ended, Forks

TOKEN = "hf_" + "a1B2c3D4e5F6g7H8" * 2


class Hub(BaseHTTPRequestHandler):
    """Repositories by `models/me/tiny`; `server.repos` holds the files of each, `server.private` whether it is."""

    server: Any

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def answer(self, status: int, body: Any, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refused(self) -> bool:
        """Whether the request came without the token."""
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer(401, {"error": "Invalid credentials"})
            return True
        return False

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if self.refused():
            return
        if "/resolve/main/" in path:
            repo, _, file = path.strip("/").partition("/resolve/main/")
            content = self.server.repos[f"models/{repo}"][file]
            self.answer(200, content, ETag='"1"', X_Repo_Commit="c" * 40, Content_Type="application/json")
            return
        repo = "/".join(path.split("/")[2:5])
        if repo not in self.server.repos:
            self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        elif "/tree/" in path:
            rows = [{"type": "file", "path": f, "size": len(c), "oid": "1"} for f, c in self.server.repos[repo].items()]
            self.answer(200, rows)
        else:
            files = [{"rfilename": file} for file in self.server.repos[repo]]
            self.answer(200, {"id": repo.partition("/")[2], "sha": "c" * 40, "siblings": files, "private": True})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = urlsplit(self.path).path
        if self.refused():
            return
        if path == "/api/repos/create":
            asked = json.loads(body)
            owner = asked.get("organization") or "me"
            repo = f"{asked.get('type', 'model')}s/{owner}/{asked['name']}"
            self.server.repos[repo] = {".gitattributes": b""}
            self.server.private[repo] = asked.get("private", asked.get("visibility") == "private")
            self.answer(200, {"url": f"{self.server.url}/{owner}/{asked['name']}"})
            return
        repo = "/".join(path.split("/")[2:5])
        if path == "/api/validate-yaml":
            self.answer(200, {"errors": [], "warnings": []})
        elif path.endswith("/preupload/main"):
            files = json.loads(body)["files"]
            told = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]
            self.answer(200, {"files": told})
        elif not path.endswith("/commit/main"):
            self.answer(404, {"error": f"no {path}"})
        elif self.server.fails:
            self.server.fails -= 1
            self.answer(403, {"error": f"no room for {TOKEN}"})
        else:
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    self.server.repos[repo][value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "deletedFile":
                    del self.server.repos[repo][value["path"]]
            url = f"{self.server.url}/{repo}/commit/{'c' * 40}"
            self.answer(200, {"success": True, "commitUrl": url, "commitOid": "c" * 40, "hookOutput": ""})


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    found: Any = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    found.url = f"http://127.0.0.1:{found.server_port}"
    found.repos, found.private, found.fails = {}, {}, 0
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory, server: Any) -> Iterator[Forks]:
    """Commands whose Hub is the server: the client reads its address when it is imported."""
    folder = tmp_path_factory.mktemp("hub")
    given = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": server.url, "HF_HOME": str(folder), "HF_HUB_DISABLE_XET": "1"}
    found = Forks(folder, given)
    yield found
    found.close()


@pytest.fixture
def export(forks: Forks, trained: Path, tmp_path: Path) -> Any:
    def run(*words: str, token: str = TOKEN) -> Ended:
        command = ("-m", "srlm", "export", str(trained / "runs/tiny"), *words)
        return forks.run(*command, cwd=tmp_path, environment={"HF_TOKEN": token})

    return run


def test_a_model_goes_up_private_in_one_commit_and_its_card_names_its_place(export: Any, server: Any) -> None:
    done = export("M2", "--to", "hub:me/tiny")
    assert done.returncode == 0, done.stderr
    files = server.repos["models/me/tiny"]
    assert server.private["models/me/tiny"] is True
    assert {"README.md", "model.safetensors", "tokenizer.json", "srlm_export.json"} <= set(files)
    assert b'AutoModel.from_pretrained("me/tiny")' in files["README.md"]
    assert f"{server.url}/models/me/tiny/commit/" in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    files["model-00001-of-00002.safetensors"] = b"of an earlier export"
    assert export("M2", "--to", "hub:me/tiny").returncode == 0  # again
    assert "model-00001-of-00002.safetensors" not in files
    done = export("M1", "--to", "hub:me/tiny")
    assert done.returncode == 2 and "exists and holds something else (M2 of tiny)" in done.stderr


def test_data_goes_up_as_a_data_set_for_everybody_where_that_is_asked_for(export: Any, server: Any) -> None:
    done = export("M2", "--data", "hub:me/pairs", "--public")
    assert done.returncode == 0, done.stderr
    assert server.private["datasets/me/pairs"] is False
    assert {"README.md", "pairs.jsonl", "judgements.jsonl"} <= set(server.repos["datasets/me/pairs"])


def test_what_the_hub_refuses_is_said_without_the_token_and_done_by_the_same_command(export: Any, server: Any) -> None:
    server.fails = 1
    done = export("M2", "--to", "hub:me/again")
    assert done.returncode == 2 and "hub:me/again: could not be uploaded" in done.stderr
    assert TOKEN not in done.stdout + done.stderr and "Traceback" not in done.stderr
    assert set(server.repos["models/me/again"]) == {".gitattributes"}
    assert export("M2", "--to", "hub:me/again").returncode == 0
    server.repos["models/me/else"] = {".gitattributes": b"", "thesis.pdf": b""}
    done = export("M2", "--to", "hub:me/else")
    assert done.returncode == 2 and "holds something else (no export of srlm)" in done.stderr
    assert set(server.repos["models/me/else"]) == {".gitattributes", "thesis.pdf"}


def test_without_a_token_or_a_name_nothing_is_tried(export: Any, server: Any) -> None:
    before = set(server.repos)
    done = export("M2", "--to", "hub:me/none", token="")
    assert done.returncode == 2 and "no token of the Hub; log in (hf auth login), or set HF_TOKEN" in done.stderr
    for name in ("a b", "tiny"):
        done = export("M2", "--to", f"hub:{name}")
        assert done.returncode == 2 and f"hub:{name}: not a name of the Hub; write hub:OWNER/NAME" in done.stderr
    assert set(server.repos) == before
