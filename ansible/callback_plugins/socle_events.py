"""Writes one JSON document a line for each task of a run, where SOCLE_EVENTS says."""

import json
import os
import re
import time

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: socle_events
type: notification
short_description: one JSON line for each task
description: >-
  Writes the tasks of a run, with what they changed, what they found that is not as it should be, and how long they
  took, to the file named by SOCLE_EVENTS.
requirements: [SOCLE_EVENTS in the environment]
"""


def told(result, words=("differs", "noted", "foreign"), keys=("what", "where", "expected", "found")):
    """
    What the scripts of the roles print (templates/state.sh.j2, host/foreign): one of the words, and as many fields as there
    are keys. What is foreign stays until a person removes it.
    """
    found = []
    for line in str(result.get("stdout", "")).splitlines():
        word, *fields = line.split("\t")
        if word in words and len(fields) == len(keys):
            found.append({**dict(zip(keys, fields)), **({"foreign": True} if word == "foreign" else {})})
    return found


# Characters of a message that are kept.
MOST = 2000
TELLING = re.compile(r"^(E|W|Err)[: ]|error|fail|cannot|could not|refused|denied|resol|timed out|No space", re.I)


def shortened(text):
    """The end of what was said; of what is too long, the lines that tell of a failure, too."""
    if len(text) <= MOST:
        return text
    end = text[-MOST // 2 :]
    before = "\n".join(line for line in text[: -MOST // 2].splitlines() if TELLING.search(line))
    return f"{before[-MOST // 2 :]}\n{end}".strip()


def told_by(found):
    """What a module says of its failure: of a loop, each item that failed with its own message and address."""
    items = [one for one in found.get("results", []) if one.get("failed")]
    if items:
        return "\n".join(f"{one.get('_ansible_item_label', one.get('item', ''))}: {told_by(one)}" for one in items)
    said = [str(found[key]) for key in ("msg", "stderr") if found.get(key)]
    url = found.get("url") or (found.get("invocation") or {}).get("module_args", {}).get("url")
    if url and not any(str(url) in one for one in said):
        said.append(f"from {url}")
    return "\n".join(said)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "socle_events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        path = os.environ.get("SOCLE_EVENTS")
        if not path:
            self.disabled = True
            return
        self._file = open(path, "a", encoding="utf-8", buffering=1)
        self._started = 0.0

    def _write(self, event, **fields):
        self._file.write(json.dumps({"event": event, "at": time.time(), **fields}) + "\n")

    @staticmethod
    def _names(task):
        role = getattr(task, "_role", None)
        return {"role": role.get_name() if role else "", "task": task.name or task.action}

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._started = time.monotonic()
        self._write("task", **self._names(task))

    v2_playbook_on_handler_task_start = lambda self, task: self.v2_playbook_on_task_start(task, False)

    def _result(self, result, status, message=None):
        task = result._task
        names = self._names(task)
        fields = {**names, "status": status, "seconds": round(time.monotonic() - self._started, 3)}
        deviations = told(result._result)
        if not deviations and context.CLIARGS.get("check") and status in ("changed", "ignored"):
            # A module that only says that it would change something.
            where = str(result._result.get("dest") or result._result.get("path") or result._result.get("name") or "")
            deviations = [{"what": names["task"], "where": where, "expected": "done", "found": "not done"}]
        if deviations:
            fields["deviations"] = deviations
        # Only the role uninstall says what it does not remove.
        stays = told(result._result, ("stays",), ("what", "where", "why"))
        if stays:
            fields["stays"] = stays
        if message:
            fields["message"] = shortened(message)
        self._write("result", **fields)

    def v2_runner_on_ok(self, result):
        changed = bool(result._result.get("changed", False))
        self._result(result, "changed" if changed else "ok")

    def v2_runner_on_skipped(self, result):
        self._result(result, "skipped")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if getattr(result._task, "no_log", False):
            message = "(hidden: it may hold a secret)"
        else:
            message = told_by(result._result)
        self._result(result, "ignored" if ignore_errors else "failed", message)

    def v2_runner_on_unreachable(self, result):
        self._result(result, "failed", str(result._result.get("msg", "")))
