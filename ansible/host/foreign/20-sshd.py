def sshd_settings(*condition):
    lines = output("sshd", "-T", *(("-C", ",".join(condition)) if condition else ())).splitlines()
    settings = {}
    for line in lines:
        key, _, value = line.partition(" ")
        settings.setdefault(key, value)
    return settings


def sshd_files():
    """The files that sshd reads, with those that they include."""
    left, seen = ["/etc/ssh/sshd_config"], []
    while left:
        path = left.pop(0)
        if path in seen:
            continue
        seen.append(path)
        for line in lines_of(path):
            words = line.split()
            if words and words[0].lower() == "include":
                for pattern in words[1:]:
                    left += sorted(glob.glob(os.path.join("/etc/ssh", pattern.strip('"'))))
    return seen


def example(pattern):
    """A value that a list of patterns matches; of a network, its first address."""
    for one in pattern.strip('"').split(","):
        if not one.startswith("!"):
            return one.split("/")[0].replace("*", "x").replace("?", "x")
    return None


def somebody_of(group):
    members = output("getent", "group", group, check=False).strip().split(":")
    if len(members) > 3 and members[3]:
        return members[3].split(",")[0]
    by_number = [user.pw_name for user in pwd.getpwall() if len(members) > 2 and str(user.pw_gid) == members[2]]
    return by_number[0] if by_number else None


# What a condition of `sshd -T` is called where a Match block is about it; a group is asked for by somebody in it.
CRITERIA = {"user": "user", "host": "host", "address": "addr", "localaddress": "laddr", "localport": "lport", "rdomain": "rdomain"}


def matched(words):
    """Somebody whom a Match block is about: root and the operator too, where it names no user."""
    who = {"host": "public.example", "addr": "203.0.113.1"}
    for criterion, pattern in zip(words[0::2], words[1::2]):
        value = example(pattern)
        if value and criterion.lower() == "group":
            who["user"] = somebody_of(value) or "nobody"
        elif value and criterion.lower() in CRITERIA:
            who[CRITERIA[criterion.lower()]] = value
    users = [who["user"]] if "user" in who else ["root", WANTED["operator"], "nobody"]
    return [{**who, "user": user} for user in users]


def conditions():
    """For whom `sshd -T` is asked: the usual ones, and somebody for each Match block; with the file that says so."""
    found = [(who, "the files of sshd") for who in matched([])]
    for path in sshd_files():
        for line in lines_of(path):
            words = re.split(r"[\s=]+", line)
            if words[0].lower() == "match":
                found += [(who, path) for who in matched(words[1:])]
    return found


def as_told(settings):
    return ",".join(f"{key}={value}" for key, value in settings.items())


@looks
def sshd():
    if not os.path.exists("/etc/ssh/sshd_config.d/10-socle.conf"):
        return
    told = set()
    for who, path in conditions():
        settings = sshd_settings(as_told(who))
        for key, allowed in WANTED["sshd"].items():
            value = settings.get(key, allowed[0])
            good = value.lower() in allowed or value.split(" ")[0] in KNOWN
            if not good and (key, value) not in told:
                told.add((key, value))
                foreign("sshd", f"{key} for {as_told(who)}", allowed[0], f"{value} (see {path})")
    pid = output("systemctl", "show", "--property=MainPID", "--value", "ssh.service").strip()
    words = text_of(f"/proc/{pid}/cmdline").replace("\0", " ") if pid not in ("", "0") else ""
    if re.search(r" -[ofph]\s?\S", words.split("[listener]")[0]):
        foreign("sshd", "arguments of ssh.service", "sshd -D", words)
