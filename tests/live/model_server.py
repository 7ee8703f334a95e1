"""A model service on loopback that answers from a script, so that real agent CLIs run without a network or a key.

Speaks as much of Anthropic's Messages and OpenAI's Responses as `claude` and `codex` need, streaming only.
Run as a program: ``model_server.py LOG_FILE``. It prints its port and ends when its standard input closes.

The script is replaced with ``PUT /script``::

    {"turns": [{"shell": "echo hi > f"}, {"text": "done"}],
     "error": {"status": 429, "message": "slow down", "times": 2, "headers": {"retry-after": "1"}}}

One turn is played per request. Which one follows from the conversation itself: the number of tool results since the
person last spoke. So requests on the side, retries and resumed sessions need no memory here.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

USAGE_IN, USAGE_CACHED, USAGE_OUT = 1000, 200, 30
KINDS = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}


class Script:
    """What to answer, and how often the error was given."""

    def __init__(self, log: Path) -> None:
        self.lock, self.log, self.rules, self.failed = threading.Lock(), log, {}, 0

    def replace(self, rules: dict[str, Any]) -> None:
        with self.lock:
            self.rules, self.failed = rules, 0

    def error(self) -> dict[str, Any] | None:
        with self.lock:
            error = self.rules.get("error")
            if error is None or self.failed >= error.get("times", sys.maxsize):
                return None
            self.failed += 1
            return error

    def turn(self, number: int) -> dict[str, Any]:
        turns = self.rules.get("turns", [{"text": "done"}])
        return turns[min(number, len(turns) - 1)]

    def note(self, entry: dict[str, Any]) -> None:
        with self.lock, self.log.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def new_id(prefix: str) -> str:
    return prefix + uuid.uuid4().hex[:20]


def results_since_prompt(kinds: list[str]) -> int:
    """Count the tool results behind the last words of the person."""
    last = max((place for place, kind in enumerate(kinds) if kind == "prompt"), default=-1)
    return kinds[last + 1 :].count("result")


def anthropic_kinds(body: dict[str, Any]) -> list[str]:
    kinds: list[str] = []
    for message in body.get("messages", []):
        if message["role"] == "user":
            parts = message["content"] if isinstance(message["content"], list) else [{"type": "text"}]
            answers = [part for part in parts if part["type"] == "tool_result"]
            kinds += ["result"] * len(answers) or ["prompt"]
    return kinds


def anthropic_events(body: dict[str, Any], turn: dict[str, Any]) -> list[dict[str, Any]]:
    tools = [tool["name"] for tool in body.get("tools", [])]
    if "shell" in turn and "Bash" in tools:
        block: dict[str, Any] = {"type": "tool_use", "id": new_id("toolu_"), "name": "Bash", "input": {}}
        words = json.dumps({"command": turn["shell"], "description": "a step of the script"})
        delta, stop = {"type": "input_json_delta", "partial_json": words}, "tool_use"
    else:
        block = {"type": "text", "text": ""}
        delta, stop = {"type": "text_delta", "text": turn.get("text", "done")}, "end_turn"
    usage = {"input_tokens": USAGE_IN, "cache_read_input_tokens": USAGE_CACHED, "output_tokens": 1}
    message: dict[str, Any] = {
        "id": new_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
    }
    return [
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": {"output_tokens": USAGE_OUT},
        },
        {"type": "message_stop"},
    ]


def responses_kinds(body: dict[str, Any]) -> list[str]:
    kinds: list[str] = []
    for item in body.get("input", []):
        if item.get("role") == "user":
            kinds.append("prompt")
        elif str(item.get("type", "")).endswith("call_output"):
            kinds.append("result")
    return kinds


def responses_tools(body: dict[str, Any]) -> dict[str, tuple[dict[str, Any], str | None]]:
    """Collect the tools by name, with the namespace of each; newer models get theirs as an item of the input."""
    offered = list(body.get("tools") or [])
    for item in body.get("input", []):
        if item.get("type") == "additional_tools":
            offered += item.get("tools") or []
    found: dict[str, tuple[dict[str, Any], str | None]] = {}
    for tool in offered:
        inside = tool.get("tools", []) if tool.get("type") == "namespace" else [tool]
        space = tool["name"] if tool.get("type") == "namespace" else None
        found.update({inner["name"]: (inner, space) for inner in inside if "name" in inner})
    return found


def responses_item(body: dict[str, Any], turn: dict[str, Any]) -> dict[str, Any]:
    tools = responses_tools(body)
    if "shell" in turn:
        if "exec" in tools and tools["exec"][0].get("type") == "custom":
            words = json.dumps({"cmd": turn["shell"], "yield_time_ms": 20000})
            code = f"const done = await tools.exec_command({words}); text(done.output);"
            item = {"type": "custom_tool_call", "id": new_id("ctc_"), "call_id": new_id("call_"), "name": "exec"}
            return {**item, "status": "completed", "input": code, "namespace": tools["exec"][1]}
        for name, key in (("exec_command", "cmd"), ("shell_command", "command")):
            if name in tools:
                item = {"type": "function_call", "id": new_id("fc_"), "call_id": new_id("call_"), "name": name}
                return {**item, "status": "completed", "arguments": json.dumps({key: turn["shell"]})}
    part: dict[str, Any] = {"type": "output_text", "text": turn.get("text", "done"), "annotations": []}
    return {"type": "message", "id": new_id("msg_"), "role": "assistant", "status": "completed", "content": [part]}


def responses_events(body: dict[str, Any], turn: dict[str, Any]) -> list[dict[str, Any]]:
    answer: dict[str, Any] = {"id": new_id("resp_"), "object": "response", "model": body["model"], "output": []}
    if "failed" in turn:
        failed = {**answer, "status": "failed", "error": turn["failed"]}
        return [{"type": "response.created", "response": answer}, {"type": "response.failed", "response": failed}]
    item = responses_item(body, turn)
    usage = {
        "input_tokens": USAGE_IN,
        "input_tokens_details": {"cached_tokens": USAGE_CACHED},
        "output_tokens": USAGE_OUT,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": USAGE_IN + USAGE_OUT,
    }
    whole = {**answer, "status": "completed", "output": [item], "usage": usage}
    return [
        {"type": "response.created", "response": {**answer, "status": "in_progress"}},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    script: Script

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing on the terminal; the log file has it all."""

    def answer(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def stream(self, events: list[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for number, event in enumerate(events):
            text = json.dumps({**event, "sequence_number": number})
            self.wfile.write(f"event: {event['type']}\ndata: {text}\n\n".encode())
        self.wfile.flush()

    def body(self) -> dict[str, Any]:
        raw = b""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                raw += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        return json.loads(raw or b"{}")

    def do_HEAD(self) -> None:
        self.answer(200, {})

    def do_GET(self) -> None:
        if self.headers.get("upgrade"):
            self.answer(426, {"error": {"message": "no web sockets here"}})
        else:
            self.answer(200, {"models": [], "data": [], "object": "list"})

    def do_PUT(self) -> None:
        self.script.replace(self.body())
        self.answer(200, {})

    def do_POST(self) -> None:
        path, body = self.path.partition("?")[0], self.body()
        if path.endswith("/messages"):
            kinds, make = anthropic_kinds(body), anthropic_events
        elif path.endswith("/responses"):
            kinds, make = responses_kinds(body), responses_events
        else:
            self.answer(404, {"error": {"message": "not served here", "type": "not_found_error"}})
            return
        error = self.script.error()
        key = self.headers.get("x-api-key") or self.headers.get("authorization") or ""
        self.script.note({"path": path, "key": bool(key), "model": body.get("model"), "body": body})
        if error is not None:
            status = error["status"]
            said = {"type": KINDS.get(status, "api_error"), "message": error.get("message", "scripted")}
            self.answer(status, {"type": "error", "error": said}, error.get("headers"))
            return
        self.stream(make(body, self.script.turn(results_since_prompt(kinds))))


def main() -> None:
    Handler.script = Script(Path(sys.argv[1]))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    os._exit(0)  # threads may still hold a stream of a CLI that was ended


if __name__ == "__main__":
    main()
