REMEMBERED = "/etc/socle/known-access.json"
KEY = re.compile(r"(?:^|\s)((?:sk-)?(?:ssh|ecdsa)-[\w@.-]+)\s+(AAAA[A-Za-z0-9+/=]+)\s*(.*)$")


def fingerprint(key):
    digest = hashlib.sha256(base64.b64decode(key + "=" * (-len(key) % 4))).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def key_files():
    """Every file that sshd takes keys of an account from."""
    blocks = any(re.match(r"match\s", line, re.I) for path in sshd_files() for line in lines_of(path))
    general = sshd_settings("user=nobody,host=h,addr=203.0.113.1").get("authorizedkeysfile", "") if not blocks else ""
    for user in pwd.getpwall():
        names = general or sshd_settings(f"user={user.pw_name},host=public.example,addr=203.0.113.1").get("authorizedkeysfile", "")
        for name in names.split():
            if name == "none":
                continue
            path = name.replace("%%", "%").replace("%h", user.pw_dir).replace("%u", user.pw_name).replace("%U", str(user.pw_uid))
            yield user.pw_name, os.path.join(user.pw_dir, path)


def keys():
    """Each key that opens an account: whose, which, and whether it runs one command only."""
    for user, path in sorted(set(key_files())):
        for line in lines_of(path):
            found = None if line.startswith("#") else KEY.search(line)
            if found:
                options = line[: found.start(1)]
                limited = "command=" in options
                yield user, path, fingerprint(found[2]), limited, found[3], "cert-authority" in options


def entry(user, key, limited):
    return f"{user} {key}{' command' if limited else ''}"


def remember():
    """Who may come in when Socle comes to this host is the operator's business; from then on, whoever is added is told."""
    if os.path.exists(REMEMBERED):
        return
    document = {
        "keys": sorted({entry(user, key, limited) for user, _, key, limited, _, _ in keys()}),
        "sudo": sorted({*sudo_rules(), *sudo_members()}) if os.path.exists("/etc/sudoers") else [],
    }
    with open(os.open(f"{REMEMBERED}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{REMEMBERED}.new", REMEMBERED)
    print("differs", "file", REMEMBERED, "who may come in", "absent", sep="\t")


def remembered():
    return json.loads(text_of(REMEMBERED) or "null")


@looks
def ssh_keys():
    if not os.path.exists("/etc/ssh/sshd_config"):
        return
    before, named = remembered(), WANTED["ssh_keys"]
    if before is None and named is None:
        return
    for user, path, key, limited, comment, authority in keys():
        if named is not None:
            good = key in named and user in ("root", WANTED["operator"]) and not authority
            expected = "a key of host.ssh_keys, for root or the operator"
        else:
            good = {entry(user, key, limited), entry(user, key, False)} & set(before["keys"])
            expected = "a key that was there when Socle came"
        if not good:
            kind = "an authority that signs keys: " if authority else ""
            foreign("SSH key", path, expected, f"{kind}{key} {comment} opens {user}")
