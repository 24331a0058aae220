"""What lies on this host that is not Socle's and wins over it, or adds to it: drop-ins of units, keys, rules, files that
are read after ours. The files of this directory are one program, joined in the order of their names:

cat *.py | SOCLE_WANTED=JSON python3 - look       print a line for each finding, with tabs: foreign WHAT WHERE EXPECTED FOUND
cat *.py | SOCLE_WANTED=JSON python3 - remember   keep who may come in now, unless that was kept before

It looks and changes nothing; what it finds is a person's to remove, or to name in the platform file. `socle up`, the
comparison for drift and `socle verify` all run it (docs/adr/0037).
"""

import base64
import glob
import hashlib
import json
import os
import pwd
import re
import subprocess
import sys

WANTED = json.loads(os.environ["SOCLE_WANTED"])
KNOWN = set(WANTED["known_files"])
LOOKS = []
SECONDS = 20


def looks(function):
    LOOKS.append(function)
    return function


# Files of ours that are read among others: what is wrong in them is told where files are compared.
OWN = {
    "/etc/sysctl.d/99-zz-socle.conf",
    "/etc/systemd/journald.conf.d/10-socle.conf",
    "/etc/systemd/logind.conf.d/99-socle.conf",
    "/etc/tmpfiles.d/socle.conf",
}


def short(text):
    return re.sub(r"\s+", " ", str(text)).strip()[:200]


def foreign(what, where, expected, found):
    if where not in KNOWN and where not in OWN:
        print("foreign", what, short(where), short(expected), short(found), sep="\t")


def output(*command, check=True):
    """What a program printed; it looks at this host, so that it has a deadline and no input."""
    path = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"
    environment = {**os.environ, "LC_ALL": "C", "PATH": path}
    environment.pop("SOCLE_WANTED")
    answer = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False
    )
    if check and answer.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {answer.returncode}: {answer.stderr.strip()[-200:]}")
    return answer.stdout


def text_of(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def lines_of(path):
    return [line.strip() for line in text_of(path).splitlines()]


def cat_config(name):
    """Lines of a configuration as systemd reads it, each with its file: what comes later wins."""
    found, path = [], ""
    for line in output("systemd-analyze", "cat-config", name, check=False).splitlines():
        header = re.match(r"# (/\S+)$", line)
        if header and os.path.exists(header[1]):
            path = header[1]
        elif line.strip() and not line.lstrip().startswith(("#", ";")):
            found.append((path, line.strip()))
    return found


def packaged(paths):
    """Those of the paths that a package of Debian brought."""
    if not paths:
        return set()
    spelled = {path: {path, path.removeprefix("/usr")} for path in paths if path.startswith(("/usr/lib/", "/lib/"))}
    names = sorted(name for names in spelled.values() for name in names)
    if not names:
        return set()
    owned = {line.split(": ", 1)[-1] for line in output("dpkg", "-S", *names, check=False).splitlines()}
    return {path for path, names in spelled.items() if names & owned}


def main():
    if sys.argv[1] == "remember":
        remember()
        return
    if "--told" in sys.argv and not os.path.exists(REMEMBERED):
        print("differs", "file", REMEMBERED, "who may come in", "absent", sep="\t")
    for look in LOOKS:
        try:
            look()
        except Exception as error:  # pylint: disable=broad-except
            # What nobody saw is red, and the others go on.
            foreign("look", look.__name__.replace("_", " "), "looked at", f"{type(error).__name__}: {error}")
